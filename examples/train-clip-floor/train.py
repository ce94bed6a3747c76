#!/usr/bin/env python3
"""Trains a small CIFAR-10 network with ReLU, fine-tunes it with clip-floor activations, and exports it for casc-snn.

    python3 train.py --data cifar-10-batches-bin --out clip-floor.onnx --levels 8

Reads data_batch_*.bin and test_batch.bin of the binary version of CIFAR-10, as many as there are. The epochs are fixed
beforehand and the last weights are exported: the test images choose nothing.
"""
import argparse
import glob
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from clip_floor import ClipFloor, export, initialise_clips, replace_relus

MEAN = np.float32([0.4914, 0.4822, 0.4465]).reshape(1, 3, 1, 1)  # of pixel/255; not part of the network
STD = np.float32([0.2470, 0.2435, 0.2616]).reshape(1, 3, 1, 1)


def load(pattern):
    """Images, normalised [N, 3, 32, 32], and labels of the files that match. A record is a label and 3072 pixels."""
    files = sorted(glob.glob(pattern))
    if not files:
        raise SystemExit(f"{pattern} is not there; expected the binary version of CIFAR-10")
    records = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
    images = records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255
    return torch.from_numpy((images - MEAN) / STD), torch.from_numpy(records[:, 0].astype(np.int64))


def block(fan_in, fan_out, stride):
    return [nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False), nn.BatchNorm2d(fan_out), nn.ReLU()]


def network():
    """After the last activation only linear layers may follow; max-pools come after activations."""
    return nn.Sequential(
        *block(3, 32, 1), *block(32, 32, 1), nn.MaxPool2d(2),
        *block(32, 64, 1), *block(64, 64, 1), nn.MaxPool2d(2),
        *block(64, 128, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10),
    )


def fit(net, images, labels, epochs, rate, batch=128):
    """Trains `net` in place: Adam, one-cycle learning rate up to `rate`, half of the images mirrored."""
    # Weight decay would pull the clip values towards 0.
    clips = [module.clip for module in net.modules() if isinstance(module, ClipFloor)]
    weights = [p for p in net.parameters() if not any(p is clip for clip in clips)]
    groups = [{"params": weights, "weight_decay": 1e-4}]
    if clips:
        groups.append({"params": clips, "weight_decay": 0.0})
    optimizer = torch.optim.Adam(groups)
    steps = -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
    for epoch in range(1, epochs + 1):
        net.train()
        total = 0.0
        for index in torch.randperm(len(images)).split(batch):
            x = images[index]
            mirror = torch.rand(len(x)) < 0.5
            x[mirror] = x[mirror].flip(3)
            loss = F.cross_entropy(net(x), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
        print(f"  epoch {epoch}/{epochs}: loss {total / len(images):.4f}", flush=True)


@torch.no_grad()
def accuracy(net, images, labels):
    net.eval()
    right = sum((net(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    return f"{100 * right / len(labels):.2f} % of {len(labels)} test images"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of data_batch_*.bin and test_batch.bin")
    parser.add_argument("--out", default="clip-floor.onnx", help="file to write")
    parser.add_argument("--levels", type=int, default=8, help="Q")
    parser.add_argument("--shift", type=float, choices=[0, 0.5], default=0.5, help="1/2 rounds, 0 is the paper's")
    parser.add_argument("--epochs", type=int, default=30, help="with ReLU")
    parser.add_argument("--tune-epochs", type=int, default=10, help="with clip-floor activations")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)

    images, labels = load(os.path.join(args.data, "data_batch_*.bin"))
    test_images, test_labels = load(os.path.join(args.data, "test_batch.bin"))

    net = network()
    print("with ReLU", flush=True)
    fit(net, images, labels, args.epochs, 3e-3)
    print(accuracy(net, test_images, test_labels), flush=True)

    replace_relus(net, args.levels, args.shift)
    initialise_clips(net, images[:500])
    print(f"with {args.levels} levels, not yet tuned: {accuracy(net, test_images, test_labels)}", flush=True)
    fit(net, images, labels, args.tune_epochs, 1e-3)
    print(accuracy(net, test_images, test_labels))
    print("clip values:", ", ".join(f"{m.clip.item():.4f}" for m in net.modules() if isinstance(m, ClipFloor)))
    export(net, images[:1], args.out)


if __name__ == "__main__":
    main()
