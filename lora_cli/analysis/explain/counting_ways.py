"""How programs come to the figure of all parameters: PEFT's own way, and those of others, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lora_cli.methods.method import LINEARS
from lora_cli.models.model import Model
from lora_cli.models.parts.layers import parameters_of


@dataclass(frozen=True, slots=True)
class CountingWay:
    """A way of counting: what it makes of the base model, whether it adds the adapter, and by what it divides the trained.

    `cause` is a clause for people, empty for PEFT's own way.
    """

    cause: str
    base: Callable[[Model], int]
    adds_adapter: bool = True
    trained_divisor: int = 1

    def all_params(self, model: Model, added: int) -> int:
        """Return the figure of all parameters where an adapter adds so many to the base."""
        return self.base(model) + added * self.adds_adapter


def packed_params(model: Model) -> int:
    """Return the parameters of the weights that bitsandbytes packs: every Linear but the head, what is tied, and the last.

    transformers: `get_keys_to_not_convert` in integrations/bitsandbytes.py.
    """
    last = next((parameter.name for node in reversed(model.nodes) for parameter in parameters_of(node)[::-1]), None)
    kept = {*model.tied, *model.tied.values(), last}
    return sum(
        module.weight_params
        for module in model.modules
        if module.kind in LINEARS and module.name != model.output and f"{module.name}.weight" not in kept
    )


def packed(weights: int) -> Callable[[Model], int]:
    """Return what counts a base with so many 4-bit weights to an element."""

    def base(model: Model) -> int:
        params = packed_params(model)
        return model.full_params - params + params // weights

    return base


def _full(model: Model) -> int:
    return model.full_params


def _tied_twice(model: Model) -> int:
    return model.params_of_all_names


def _head_tied(model: Model) -> int:
    """Return the parameters without the head, where it could be tied with the embeddings and is not."""
    weights = {module.name: module.weight_params for module in model.modules}
    head, embeddings = (weights.get(name or "") for name in (model.output, model.embeddings))
    return model.full_params - head if head and head == embeddings and not model.tied else model.full_params


# PEFT doubles packed weights since 0.4 (pull request 733), and those in elements of several bytes since 0.10. Programs
# that sum `numel()` do neither, among them transformers' Trainer and PEFT to 0.3.
COUNTING_WAYS = (
    CountingWay("", _full),
    CountingWay("all params counts packed 4-bit weights as stored, two to a byte", packed(2)),
    CountingWay("all params counts packed 4-bit weights as stored in 16 bits, four to an element", packed(4)),
    CountingWay("all params counts packed 4-bit weights as stored in 32 bits, eight to an element", packed(8)),
    CountingWay(
        "the line is qlora.py's, which counts packed 4-bit weights as stored and half of what is trained",
        packed(2),
        trained_divisor=2,
    ),
    CountingWay("all params is of the base without the adapter", _full, adds_adapter=False),
    CountingWay("all params counts tied weights under each of their names", _tied_twice),
    CountingWay("all params has the head tied to the embeddings", _head_tied),
)
PEFT_WAY = COUNTING_WAYS[0]
