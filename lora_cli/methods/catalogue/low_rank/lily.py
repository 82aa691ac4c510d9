"""Lily: modules of one name share a B with several experts, and neighbours among them share an A.

Zhong et al., "Low-Rank Interconnected Adaptation across Layers", arXiv:2407.09946; `peft.tuners.lily`:
`LilyLayer.update_layer`, `LilyModel._post_injection_hook`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.adapter_config import PATTERN_ALONE, AdapterConfig
from lora_cli.methods.config.settings import flag, real, size
from lora_cli.methods.method import Adapted, Method
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.name_matching import listed_targets
from lora_cli.methods.tensor import Tensor, buffer, parameter

Group = tuple[object, int, int]


@dataclass(frozen=True, slots=True)
class Settings:
    """Lily's own fields."""

    stride_A: Annotated[int, "Number of successive layers that share one A"] = size(1)
    num_B: Annotated[int, "Number of matrices B that all layers share"] = size(2, least=2)
    scaling: Annotated[float, "Factor on the update"] = real(1.0)
    init_weights: bool = flag(True)
    # The modules that own their A and their B.
    first_of_A: frozenset[str] = frozenset()
    first_of_B: frozenset[str] = frozenset()


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A (r × d), B (num_B·r × h) and the router (num_B × r); an A or B that another module counts is saved here too.

    >>> from lora_cli.models import matrix
    >>> own = Settings(num_B=3, first_of_A=frozenset({"W"}))
    >>> [(t.key, t.shape, t.trained) for t in tensors(Place(matrix(6, 8), 2), own)]
    [('lily_A.weight', (2, 6), True), ('lily_B.weight', (6, 8), False), ('lily_router.weight', (3, 2), True)]
    """
    name, r = place.module.name, place.r
    yield (parameter if name in own.first_of_A else buffer)("lily_A.weight", r, place.module.d)
    yield (parameter if name in own.first_of_B else buffer)("lily_B.weight", own.num_B * r, place.module.h)
    yield parameter("lily_router.weight", own.num_B, r)


def with_sharing(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add which modules own their A, the first of every `stride_A` in a group, and their B, the first in the group."""
    groups: dict[Group, list[str]] = {}
    for place, group in zip(
        targets.places, _groups(targets.places, listed_targets(targets.model, targets.config)), strict=True
    ):
        groups.setdefault(group, []).append(place.module.name)
    return replace(
        own,
        first_of_A=frozenset(name for names in groups.values() for name in names[:: own.stride_A]),
        first_of_B=frozenset(names[0] for names in groups.values()),
    )


def _groups(places: Sequence[Place], entries: tuple[str, ...] | None) -> Iterator[Group]:
    """Yield each place's group: its shape and the entry that its name ends with; a text is one entry for all."""
    endings: dict[tuple[int, int], set[frozenset[str]]] = {}
    for place in places:
        d, h = place.module.d, place.module.h
        # PEFT compares characters here, not parts of names: wo ends with o.
        ending = frozenset(entry for entry in entries or () if place.module.name.endswith(entry))
        known = endings.setdefault((d, h), set())
        other = next((other for other in known if other != ending and other & ending), None)
        if other:
            several = ", ".join(map(quote, sorted(ending | other)))
            raise InvalidInput(
                f"target_modules {several} match the end of the same names, e.g. {quote_long(place.module.name)}; in PEFT "
                "the entry that decides on sharing differs from run to run: give more of the names, e.g. 'mlp.o'"
            )
        known.add(ending)
        yield ending, d, h


METHOD = Method(
    name="lily",
    title="Lily: Low-Rank Interconnected Adaptation across Layers",
    arxiv="2407.09946",
    formula="r * d + num_B * r * h + num_B * r",
    settings=Settings,
    tensors=tensors,
    rank=32,
    layer_rules=frozenset({PATTERN_ALONE}),
    resolved=with_sharing,
    config_tells_trained=False,
)
