"""The activations of transformers (`ACT2FN`), operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lora_cli.analysis.memory.replay.operations import pointwise
from lora_cli.analysis.memory.replay.tape import Tensor


def activate(name: str, x: Tensor) -> Tensor:
    """Run an activation: one operation that saves its input, unless it is written otherwise."""
    return OTHERS.get(name, _one_operation)(x)


def _one_operation(x: Tensor) -> Tensor:
    return pointwise(x, saves="input")


def _saves_output(x: Tensor) -> Tensor:
    return pointwise(x, saves="output")


OTHERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": _saves_output,
    "tanh": _saves_output,
    "sigmoid": _saves_output,
}
