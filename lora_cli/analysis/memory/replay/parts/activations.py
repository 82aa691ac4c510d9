"""The activations of transformers (`ACT2FN`), operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import add, multiply, pointwise, scale, shift, square
from lora_cli.analysis.memory.replay.tape import Tensor


def activate(device: Device, name: str, x: Tensor) -> Tensor:
    """Run an activation: one operation that saves its input, unless it is written otherwise."""
    return OTHERS.get(name, _one_operation)(device, x)


def _one_operation(_: Device, x: Tensor) -> Tensor:
    return pointwise(x, saves="input")


def _saves_output(_: Device, x: Tensor) -> Tensor:
    return pointwise(x, saves="output")


def _gelu_new(device: Device, x: Tensor) -> Tensor:
    """`NewGELUActivation`: x/2 · (1 + tanh(c·(x + d·x³))), of which autocast runs the power in float32."""
    half = scale(x)
    return multiply(half, shift(pointwise(_inside_tanh(device, x), saves="output")))


def _inside_tanh(device: Device, x: Tensor) -> Tensor:
    return scale(add(x, scale(square(device.upper(x)))))


OTHERS: Mapping[str, Callable[[Device, Tensor], Tensor]] = {
    "relu": _saves_output,
    "tanh": _saves_output,
    "sigmoid": _saves_output,
    "gelu_new": _gelu_new,
}
