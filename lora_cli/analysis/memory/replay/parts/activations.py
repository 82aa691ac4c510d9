"""The activations of transformers (`ACT2FN`), operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    makes,
    multiply,
    pointwise,
    record,
    scale,
    shift,
    square,
)
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.errors import InvalidInput, choices, quote


def activate(device: Device, name: str, x: Tensor) -> Tensor:
    """Run an activation."""
    if name not in KINDS:
        raise InvalidInput(f"what the activation {quote(name)} allocates is not known; {choices(name, tuple(KINDS))}")
    return KINDS[name](device, x)


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


def _quick_gelu(_: Device, x: Tensor) -> Tensor:
    """`QuickGELUActivation`: x · sigmoid(c·x)."""
    return multiply(x, pointwise(scale(x), saves="output"))


def _squared_relu(_: Device, x: Tensor) -> Tensor:
    """`ReLUSquaredActivation`."""
    rectified = pointwise(x, saves="output")
    return square(rectified)


def _xielu(device: Device, x: Tensor) -> Tensor:
    """`XIELUActivation` in Python: a parabola above 0, an exponential below, both computed for all values.

    Autocast makes its parameters float32.
    """
    width, wide = x.width, x.width if device.training.autocast is None else FLOAT32
    condition = Storage(x.tape, x.numel)
    above = add(multiply(scale(x, wide), x), scale(x, width))
    below = add(scale(_minus(pointwise(_minimum(x), saves="output", beside=1), x), wide), scale(x, width))
    size = x.numel * wide
    return record([above, below], x.numel, wide, makes(size, size), saves=[Tensor(condition, x.numel, 1)])


def _minimum(x: Tensor) -> Tensor:
    """Return the smaller one of each value and a number, which is a tensor."""
    size = x.numel * x.width
    return record([x], x.numel, x.width, makes(size, beside=[x.numel, size]), saves=[x])


def _minus(a: Tensor, b: Tensor) -> Tensor:
    size = a.numel * a.width
    return record([a, b], a.numel, a.width, lambda gradient: (gradient, Storage(gradient.tape, size)))


KINDS: Mapping[str, Callable[[Device, Tensor], Tensor]] = {
    **dict.fromkeys(("gelu", "gelu_pytorch_tanh", "silu", "swish", "mish", "hardswish"), _one_operation),
    **dict.fromkeys(("relu", "tanh", "sigmoid"), _saves_output),
    "gelu_new": _gelu_new,
    "quick_gelu": _quick_gelu,
    "relu2": _squared_relu,
    "xielu": _xielu,
}
