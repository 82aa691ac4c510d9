"""Convolutions of images and sound, and the norms beside them."""

from __future__ import annotations

from lora_cli.models.nodes import Hollow, Module
from lora_cli.models.parts.layers import Nodes, buffer, convolution, hollow, norm, parameter


def depthwise(name: str, channels: int, *kernel: int, bias: bool = True) -> Nodes:
    """Build a convolution that keeps the channels apart."""
    return convolution(name, channels, channels, *kernel, groups=channels, bias=bias)


def batch_norm(name: str, channels: int) -> Nodes:
    """Build a `torch.nn.BatchNorm2d` or `BatchNorm1d`, which keeps the mean and the variance of what it has seen."""
    return [
        *norm(name, channels, bias=True),
        *buffer(f"{name}.running_mean", channels),
        *buffer(f"{name}.running_var", channels),
        *buffer(f"{name}.num_batches_tracked", dtype="I64"),
    ]


def weight_normed(name: str, channels: int, kernel: int, *, groups: int) -> Nodes:
    """Build a Conv1d whose weight is computed from its direction and its length at each step of the kernel."""
    return [
        Module(name, channels, channels, "Conv1d", bias=True, kernel=(kernel,), groups=groups, weight_norm=True),
        Hollow(f"{name}.parametrizations", is_list=True),
        Hollow(f"{name}.parametrizations.weight", is_list=True),
        Hollow(f"{name}.parametrizations.weight.0"),
    ]


def normalised(d: int, h: int, side: int) -> Nodes:
    """Build a convolution of images without a bias, a batch norm and an activation."""
    return [
        *convolution("convolution", d, h, side, side, bias=False),
        *batch_norm("normalization", h),
        *hollow("activation"),
    ]


def transposed_convolution(name: str, d: int, h: int, *kernel: int) -> Nodes:
    """Build a `torch.nn.ConvTranspose2d` or `ConvTranspose1d`, on which PEFT puts nothing."""
    return [*parameter(f"{name}.weight", d, h, *kernel), *parameter(f"{name}.bias", h)]
