"""Clip-floor activations for PyTorch: what a ReLU becomes before a net is fine-tuned for casc-snn."""
import inspect

import torch
from torch import nn


class ClipFloor(nn.Module):
    """q(z) = (λ/Q)·clip(⌊Q·z/λ + φ⌋, 0, Q) with a learned clip value λ.

    levels: Q, the same for all activations of a net. shift: φ, 1/2 rounds (QCFS), 0 is the clip-floor of the paper.
    In training the gradient passes the floor as if it were the identity; λ learns from what is cut off and from what
    rounding loses. In evaluation plain operators are left: Div, Clip, Mul, Add, Floor, Div, Mul.
    """

    def __init__(self, levels, clip=1.0, shift=0.5):
        super().__init__()
        self.levels = levels
        self.shift = shift
        self.clip = nn.Parameter(torch.tensor(float(clip)))

    def forward(self, x):
        z = torch.clamp(x / self.clip, 0, 1) * self.levels + self.shift
        level = torch.floor(z)
        if self.training:
            level = z + (level - z).detach()
        return level / self.levels * self.clip


def replace_relus(module, levels, shift=0.5):
    """Replaces every nn.ReLU and nn.ReLU6 inside `module`, in place. Functional calls (F.relu) are not seen.

    An nn.ReLU that is used in several places would share one λ: give each place its own first.
    """
    for name, child in module.named_children():
        if isinstance(child, (nn.ReLU, nn.ReLU6)):
            setattr(module, name, ClipFloor(levels, shift=shift))
        else:
            replace_relus(child, levels, shift)


@torch.no_grad()
def initialise_clips(net, images, quantile=0.999):
    """Sets every λ, layer after layer, to a quantile of the positive values that the activation receives on `images`."""
    def choose(activation, inputs):
        x = inputs[0].flatten()
        x = x[x > 0]
        if x.numel() > 0:
            activation.clip.fill_(torch.sort(x).values[int(quantile * (x.numel() - 1))])

    activations = [module for module in net.modules() if isinstance(module, ClipFloor)]
    hooks = [activation.register_forward_pre_hook(choose) for activation in activations]
    net.eval()
    net(images)
    for hook in hooks:
        hook.remove()


def export(net, image, path):
    """Writes `net` as ONNX. `image`: one example input, [1, C, H, W]. The batch axis of the file is free."""
    net.eval()
    settings = {
        "opset_version": 13,
        "input_names": ["input"],
        "output_names": ["logits"],
        "dynamic_axes": {"input": {0: "batch"}, "logits": {0: "batch"}},
    }
    # The exporter that traces. Older versions of PyTorch have no other, and do not know the setting.
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        settings["dynamo"] = False
    torch.onnx.export(net, image, path, **settings)
