"""Lily: modules of one name share one B of several experts, and neighbours among them one A.

Zhong et al., "Low-Rank Interconnected Adaptation across Layers", arXiv:2407.09946; `peft.tuners.lily`:
`LilyLayer.update_layer`, `LilyModel._post_injection_hook`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import PATTERN_ALONE, Method, Settings, flag, real, size
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.name_matching import listed_targets
from lora_cli.methods.targeting.targets import Targets
from lora_cli.methods.tensor import Tensor, buffer, parameter

Group = tuple[object, int, int]


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A (r × d), B (num_B·r × h) and the router (num_B × r); what another module counts is saved here too.

    >>> from lora_cli.models import matrix
    >>> own = Settings({"num_B": 3, "first_of_A": {"W"}, "first_of_B": set()})
    >>> [(t.key, t.shape, t.trained) for t in tensors(Place(matrix(6, 8), 2), own)]
    [('lily_A.weight', (2, 6), True), ('lily_B.weight', (6, 8), False), ('lily_router.weight', (3, 2), True)]
    """
    name, r = place.module.name, place.r
    yield (parameter if name in own.first_of_A else buffer)("lily_A.weight", r, place.module.d)
    yield (parameter if name in own.first_of_B else buffer)("lily_B.weight", own.num_B * r, place.module.h)
    yield parameter("lily_router.weight", own.num_B, r)


def with_sharing(targets: Targets, config: AdapterConfig) -> Settings:
    """Add which modules own their A and their B: the first of each `stride_A` of a group, and of the group."""
    own: Settings = config.settings
    groups: dict[Group, list[str]] = {}
    for place, group in zip(
        targets.places, _groups(targets.places, listed_targets(targets.model, targets.config)), strict=True
    ):
        groups.setdefault(group, []).append(place.module.name)
    return own.replaced(
        first_of_A={name for names in groups.values() for name in names[:: own.stride_A]},
        first_of_B={names[0] for names in groups.values()},
    )


def _groups(places: Sequence[Place], entries: tuple[str, ...] | None) -> Iterator[Group]:
    """Yield each place's group: its shape, and the entry that its name ends with; a text is one for all."""
    found: dict[tuple[int, int], set[frozenset[str]]] = {}
    for place in places:
        d, h = place.module.d, place.module.h
        # PEFT compares text here, not parts of names: wo ends with o.
        ending = frozenset(entry for entry in entries or () if place.module.name.endswith(entry))
        known = found.setdefault((d, h), set())
        other = next((other for other in known if other != ending and other & ending), None)
        if other:
            several = ", ".join(map(quote, sorted(ending | other)))
            raise InvalidInput(
                f"target_modules {several} end the same names, such as {quote_long(place.module.name)}; which of them "
                "decides on sharing differs from run to run in PEFT: write more of the names, as in 'mlp.o'"
            )
        known.add(ending)
        yield ending, d, h


METHOD = Method(
    name="lily",
    title="Lily: Low-Rank Interconnected Adaptation across Layers",
    arxiv="2407.09946",
    formula="r * d + num_B * r * h + num_B * r",
    tensors=tensors,
    fields={
        "stride_A": size(1),
        "num_B": size(2, least=2),
        "scaling": real(1.0),
        "init_weights": flag(True),
    },
    rank=32,
    layer_rules=frozenset({PATTERN_ALONE}),
    resolved=with_sharing,
)
