"""How a method computes beside the modules that it adapts: a file each in `adapters`, under the method's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def nothing(_: object) -> tuple[Any, ...]:
    """Return nothing."""
    return ()


class Adapter(NamedTuple):
    """A method's forward passes.

    `linear` runs a Linear from the device, the module's weights and its input; `embed` an Embedding from the device,
    its weights and a number of tokens. `extended` puts a method's own vectors, by their keys, before the words. `unknown` names what is set of a method's settings and has no replay.
    `buffers` are the bytes of what it keeps beside a module and never saves.
    `runs_quantised` says whether it runs beside a quantised Linear, `runs_parameters` whether on bare parameters,
    and `runs_norms` whether it trains copies of norms in their place.
    """

    linear: Callable[[Runner, Weights, Tensor], Tensor] | None = None
    embed: Callable[[Runner, Weights, int], Tensor] | None = None
    extended: Callable[[Runner, Mapping[str, Parameter], Tensor], Tensor] | None = None
    unknown: Callable[[Any], Iterable[str]] = nothing
    buffers: Callable[[Mapping[str, Sequence[int]]], Sequence[int]] = nothing
    runs_quantised: bool = False
    runs_parameters: bool = False
    runs_norms: bool = False
