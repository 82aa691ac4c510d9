"""What the adapter of a module sees: the module's weights, and what runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.tape import Parameter, Tape, Tensor
from lora_cli.analysis.memory.training import Training


class Weights(NamedTuple):
    """The weight and the bias of a module of `d` inputs and `h` outputs, and the tensors of its adapter by their keys.

    `shapes` are those of these tensors. `is_cloned` says whether PEFT copies what comes out of it before it adds to it,
    `is_transposed` whether the weight is that of a Conv1D.
    """

    weight: Parameter
    bias: Parameter | None
    d: int
    h: int
    adapter: Mapping[str, Parameter]
    shapes: Mapping[str, Sequence[int]]
    settings: Any
    is_quantised: bool
    is_cloned: bool
    is_transposed: bool


class Runner(Protocol):
    """What runs modules on a tape (`device.Device`)."""

    tape: Tape
    training: Training
    inputs: list[Tensor]

    def base(self, own: Weights, x: Tensor) -> Tensor:
        """Run a Linear without its adapter."""

    def multiply(
        self, x: Tensor, weight: Parameter | Tensor, bias: Parameter | None, d: int, h: int, *, of: str = ...
    ) -> Tensor:
        """Multiply rows by a weight, in the type of autocast where that is on."""

    def lower(self, x: Tensor) -> Tensor:
        """Turn the input of a matrix product into the type of autocast, if it is on."""

    def lowered(self, weight: Parameter | Tensor) -> Parameter | Tensor:
        """Return a weight in the type of autocast."""

    def look_up(self, own: Weights, weight: Parameter | Tensor, tokens: int) -> Tensor:
        """Look up tokens in a weight."""

    def whole_weight(self, own: Weights, width: int) -> Parameter | Tensor:
        """Return a module's weight in a type."""

    def hold(self, what: Parameter | Storage | None) -> None:
        """Hold on to what the graph behind the outputs does, until they are gone."""

    def transposed(self, own: Weights, weight: Parameter | Tensor) -> Parameter | Tensor:
        """Return a weight as PEFT's `transpose` does: of that of a Conv1D it makes another, which is trained."""

    def is_scaled(self, own: Weights) -> bool:
        """Whether an Embedding itself multiplies what it looks up."""
