#!/usr/bin/env python3
"""Trains the Fashion-MNIST example network and exports it as ONNX, with ReLU and with 8-level activations.

    nice -n 10 /usr/bin/python3 train.py --data /usr/share/datasets/fashion-mnist --out .

The epochs are fixed beforehand and the last weights are exported: the test images choose nothing.
Needs PyTorch 1.13 and onnx; one CPU core is enough.
"""
import argparse
import copy
import gzip
import os
import struct
import time

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

MEAN, STD = 0.2860, 0.3530  # of pixel/255 over the training images; normalisation is outside the network
LEVELS = 8


# ---- data -------------------------------------------------------------------------------------------------------

def read_idx(path):
    """A gzipped IDX file of unsigned bytes as an array."""
    with gzip.open(path) as f:
        zero, kind, rank = struct.unpack(">HBB", f.read(4))
        if zero != 0 or kind != 8:
            raise ValueError(f"{path}: not an IDX file of unsigned bytes")
        shape = struct.unpack(f">{rank}I", f.read(4 * rank))
        return np.frombuffer(f.read(), np.uint8).reshape(shape)


def write_idx(path, array):
    """The opposite of read_idx; no name and no time in the gzip header, so the same array gives the same bytes."""
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as f:
        f.write(struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


def load(folder, split):
    images = read_idx(os.path.join(folder, f"{split}-images-idx3-ubyte.gz"))
    labels = read_idx(os.path.join(folder, f"{split}-labels-idx1-ubyte.gz"))
    return images, labels


def to_input(images):
    x = torch.from_numpy(images.astype(np.float32))[:, None]
    return (x / 255 - MEAN) / STD


def augment(images, rng):
    """Each image shifted by up to one pixel (black moves in) and mirrored half of the time."""
    n = len(images)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    rows = np.arange(28) + rng.integers(0, 3, (n, 1))
    cols = np.arange(28) + rng.integers(0, 3, (n, 1))
    mirror = rng.random(n) < 0.5
    cols[mirror] = cols[mirror, ::-1]
    return padded[np.arange(n)[:, None, None], rows[:, :, None], cols[:, None, :]]


# ---- network ----------------------------------------------------------------------------------------------------

class Quantized(nn.Module):
    """q(z) = (λ/Q)·clip(⌊Q·z/λ + 1/2⌋, 0, Q) with a learned λ.

    In training the gradient passes the floor as if it were the identity. In evaluation the plain formula is traced,
    operation by operation, which gives the nodes Div, Mul, Add, Floor, Clip, Div, Mul with λ as a constant (the
    TracerWarning that the export prints says just that).
    """

    def __init__(self, clip):
        super().__init__()
        self.clip = nn.Parameter(torch.tensor(float(clip)))

    def forward(self, z):
        if not self.training:
            clip = float(self.clip)
            return torch.clamp(torch.floor(z / clip * LEVELS + 0.5), 0, LEVELS) / LEVELS * clip
        level = z / self.clip * LEVELS
        level = level + (torch.floor(level + 0.5) - level).detach()
        return torch.clamp(level, 0, LEVELS) / LEVELS * self.clip


class Net(nn.Module):
    """Five convolutions, one residual block; after the last activation only linear nodes follow."""

    ACTIVATIONS = ("act1", "act2", "act3", "act4", "act5")

    def __init__(self):
        super().__init__()
        for i, (fan_in, fan_out) in enumerate([(1, 16), (16, 32), (32, 32), (32, 32), (32, 48)], 1):
            setattr(self, f"conv{i}", nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(fan_out))
            setattr(self, f"act{i}", nn.ReLU())
        self.pool1 = nn.MaxPool2d(2)
        self.pool2 = nn.MaxPool2d(2)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(48, 10)

    def forward(self, x):
        x = self.pool1(self.act1(self.bn1(self.conv1(x))))
        x = self.act2(self.bn2(self.conv2(x)))
        y = self.act3(self.bn3(self.conv3(x)))
        x = self.act4(self.bn4(self.conv4(y)) + x)  # residual block
        x = self.pool2(x)
        x = self.act5(self.bn5(self.conv5(x)))
        return self.fc(torch.flatten(self.average(x), 1))


def quantized(net, images):
    """A copy of `net` with quantised activations; λ starts at the 99.9th percentile of what each one receives."""
    received, hooks = {}, []
    for name in Net.ACTIVATIONS:
        hook = lambda module, inputs, output, name=name: received.update({name: inputs[0].flatten().numpy()})
        hooks.append(getattr(net, name).register_forward_hook(hook))
    net.eval()
    with torch.no_grad():
        net(to_input(images))
    for hook in hooks:
        hook.remove()
    result = copy.deepcopy(net)
    for name in Net.ACTIVATIONS:
        setattr(result, name, Quantized(np.percentile(received[name], 99.9)))
    return result


def folded(net):
    """A copy of `net` for inference with each BatchNorm folded into its convolution: the weights of the ONNX file."""
    result = copy.deepcopy(net).eval()
    for i in range(1, 6):
        setattr(result, f"conv{i}", fuse_conv_bn_eval(getattr(result, f"conv{i}"), getattr(result, f"bn{i}")))
        setattr(result, f"bn{i}", nn.Identity())
    return result.to(memory_format=torch.contiguous_format)


# ---- training ---------------------------------------------------------------------------------------------------

def fit(net, images, labels, epochs, optimizer, peak, rng, batch=128):
    """Trains `net` in place with a one-cycle learning rate that peaks at `peak`."""
    steps = -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=epochs * steps)
    labels = torch.from_numpy(labels.astype(np.int64))
    for epoch in range(1, epochs + 1):
        net.train()
        start, total = time.time(), 0.0
        order = rng.permutation(len(images))
        for at in range(0, len(images), batch):
            index = order[at:at + batch]
            x = to_input(augment(images[index], rng)).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(net(x), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
        print(f"  epoch {epoch}/{epochs}: loss {total / len(images):.4f}, {time.time() - start:.0f} s", flush=True)


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        guess = torch.cat([net(to_input(images[i:i + 500])).argmax(1) for i in range(0, len(images), 500)])
    right = guess.numpy() == labels
    return f"{right.mean():.2%} of {len(right)}, {right[:1000].mean():.2%} of the first 1000"


def export(net, path):
    torch.onnx.export(net, torch.zeros(1, 1, 28, 28), path, opset_version=13, input_names=["input"],
                      output_names=["logits"], dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})
    # Documentation strings hold stack traces with local paths: none may stay.
    model = onnx.load(path)
    graph = model.graph
    for part in [model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output]:
        part.ClearField("doc_string")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of the gzipped IDX files")
    parser.add_argument("--out", default=".", help="folder to write to")
    parser.add_argument("--epochs", type=int, default=24, help="with ReLU, in float32")
    parser.add_argument("--qat-epochs", type=int, default=12, help="with 8-level activations")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    # One thread and deterministic algorithms: the same machine and seed give the same weights.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    images, labels = load(args.data, "train")
    test_images, test_labels = load(args.data, "t10k")
    os.makedirs(args.out, exist_ok=True)
    write_idx(os.path.join(args.out, "t10k-1000-images-idx3-ubyte.gz"), test_images[:1000])
    write_idx(os.path.join(args.out, "t10k-1000-labels-idx1-ubyte.gz"), test_labels[:1000])

    print("float32, ReLU", flush=True)
    relu = Net().to(memory_format=torch.channels_last)
    sgd = torch.optim.SGD(relu.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    fit(relu, images, labels, args.epochs, sgd, 0.1, rng)
    print("test accuracy:", accuracy(folded(relu), test_images, test_labels), flush=True)
    export(folded(relu), os.path.join(args.out, "fashion-mnist-relu.onnx"))

    print(f"{LEVELS}-level activations", flush=True)
    q8 = quantized(relu, images[:1000])
    # Adam, because its step does not depend on the scale of the gradient, and that of λ is summed over a whole layer.
    fit(q8, images, labels, args.qat_epochs, torch.optim.Adam(q8.parameters()), 2e-3, rng)
    print("test accuracy:", accuracy(folded(q8), test_images, test_labels), flush=True)
    print("clip values:", ", ".join(f"{getattr(q8, name).clip.item():.4f}" for name in Net.ACTIVATIONS))
    export(folded(q8), os.path.join(args.out, "fashion-mnist-q8.onnx"))


if __name__ == "__main__":
    main()
