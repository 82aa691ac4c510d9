"""How a method computes beside the modules that it adapts: a file each in `adapters`, under the method's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def nothing(_: object) -> tuple[str, ...]:
    """Return no names."""
    return ()


class Adapter(NamedTuple):
    """A method's forward passes.

    `linear` runs a Linear from the device, the module's weights and its input; `embed` an Embedding from the device,
    its weights and a number of tokens. `unknown` names what is set of a method's settings and has no replay.
    `runs_quantised` says whether it runs beside a quantised Linear, `runs_parameters` whether on bare parameters.
    """

    linear: Callable[[Runner, Weights, Tensor], Tensor]
    embed: Callable[[Runner, Weights, int], Tensor] | None = None
    unknown: Callable[[Any], Iterable[str]] = nothing
    runs_quantised: bool = False
    runs_parameters: bool = False
