#!/usr/bin/env python3
"""Writes torch-*.onnx: small nets whose quantised activations are written as training codes write them, out of
torch.onnx.export (PyTorch 1.13, onnx 1.12).

    /usr/bin/python3 torch_activations.py
"""
import os
import sys

import onnx
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../examples/train-clip-floor"))
from clip_floor import ClipFloor, export  # noqa: E402


class FloorFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.floor()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Qcfs(nn.Module):
    """The reference code of QCFS, with its autograd.Function."""

    def __init__(self, levels, clip):
        super().__init__()
        self.levels = levels
        self.clip = nn.Parameter(torch.tensor([clip]))

    def forward(self, x):
        x = torch.clamp(x / self.clip, 0, 1)
        return FloorFunction.apply(x * self.levels + 0.5) / self.levels * self.clip


def round_through(x):
    return (x.round() - x).detach() + x


class Lsq(nn.Module):
    """Learned step size, one per channel, with its scaled gradient."""

    def __init__(self, levels, steps):
        super().__init__()
        self.levels = levels
        self.step = nn.Parameter(torch.tensor(steps).reshape(1, -1, 1, 1))

    def forward(self, x):
        scaled = self.step * 0.013
        step = (self.step - scaled).detach() + scaled
        return round_through(torch.clamp(x / step, 0, self.levels)) * step


class FakeQuantize(nn.Module):
    """What torch.ao.quantization leaves of an activation: uint8, zero point 0."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, x):
        return torch.fake_quantize_per_tensor_affine(torch.relu(x), self.step, 0, 0, 255)


def net(first, second):
    return nn.Sequential(nn.Conv2d(3, 4, 3), first, nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), second,
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))


def main():
    torch.manual_seed(3)
    nets = {
        "torch-clip-floor": net(ClipFloor(8, 1.3), ClipFloor(8, 0.7)),
        "torch-clip-floor-shift0": net(ClipFloor(8, 1.3, shift=0), ClipFloor(8, 0.7, shift=0)),
        "torch-qcfs": net(Qcfs(8, 1.3), Qcfs(8, 0.7)),
        "torch-lsq": net(Lsq(15, [0.05, 0.07, 0.06, 0.08]), Lsq(15, [0.03, 0.04, 0.05, 0.06])),
        "torch-fake-quantize": net(*[FakeQuantize(step) for step in (0.004, 0.003)]),
    }
    for name, made in nets.items():
        path = os.path.join(HERE, f"{name}.onnx")
        export(made, torch.zeros(1, 3, 9, 8), path)
        # Documentation strings hold stack traces with local paths: none may stay.
        model = onnx.load(path)
        for part in [model, model.graph, *model.graph.node]:
            part.ClearField("doc_string")
        onnx.save(model, path)
        print(name, *[node.op_type for node in model.graph.node])


if __name__ == "__main__":
    main()
