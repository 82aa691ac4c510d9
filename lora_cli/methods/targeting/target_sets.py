"""The sets of target modules that people choose among: parts of the attention, all of it, the other layers, all layers."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.methods.method import LINEARS
from lora_cli.methods.targeting.name_matching import ALL_LINEAR
from lora_cli.models.model import Model

Names = tuple[str, ...]

ATTENTION = ("attn", "attention")
# The projections of queries and values, under the names that families give them.
QUERIES_AND_VALUES = (
    ("q_proj", "v_proj"),
    ("query", "value"),
    ("q", "v"),
    ("query_proj", "value_proj"),
    ("q_lin", "v_lin"),
)
NUMBER = "0"


def target_sets(model: Model) -> Iterator[Names | str | None]:
    """Yield target_modules to compare: PEFT's default (None), queries and values, attention, the other layers, all layers.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> list(target_sets(read_model("gpt2")))
    [None, ('c_attn', 'attn.c_proj'), ('c_fc', 'mlp.c_proj'), 'all-linear']
    """
    yield None
    layered = {_parts(module.name): None for module in model.modules if module.kind in LINEARS}
    names = [name for name in layered if NUMBER in name]
    attention = [name for name in names if any(word in part.lower() for part in name[:-1] for word in ATTENTION)]
    leaves = {name[-1] for name in attention}
    yield from (pair for pair in QUERIES_AND_VALUES if leaves.issuperset(pair))
    for chosen in (attention, [name for name in names if name not in attention]):
        others = [name for name in layered if name not in chosen]
        endings = [_ending(name, others) for name in chosen]
        if endings and all(endings):
            yield tuple(dict.fromkeys(ending for ending in endings if ending))
    yield ALL_LINEAR


def _parts(name: str) -> Names:
    """Return the parts of a name, with every number replaced by the same one."""
    return tuple(NUMBER if part.isdigit() else part for part in name.split("."))


def _ending(name: Names, others: list[Names]) -> str | None:
    """Return the shortest ending of a name, without a number in it, that no other name has; None if there is none."""
    for length in range(1, len(name)):
        ending = name[-length:]
        if NUMBER in ending:
            return None
        if all(other[-length:] != ending for other in others):
            return ".".join(ending)
    return None
