"""RandLoRA: trained scales on as many random low-rank bases as add up to full rank.

Albert et al., "RandLoRA: Full-rank parameter-efficient fine-tuning of large models", arXiv:2502.00987;
`peft.tuners.randlora`: `RandLoraLayer.update_layer`, `RandLoraModel._init_randlora_A_randlora_B`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt

from lora_cli.methods.knob import Runs, most_rank, parted
from lora_cli.methods.method import LINEARS, TARGETING, Method, Settings, always, flag, real
from lora_cli.methods.parts.random_bases import probability, seed, with_largest
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield lambda and gamma, which scale n = ⌈min(d, h) / r⌉ bases: n(r + min(d, h)) parameters.

    The frozen bases are the same for all modules, but the file has a copy of them with each.

    >>> from lora_cli.models import matrix
    >>> place = Place(matrix(6, 8), 4)
    >>> own = Settings({"save_projection": True, "d": 6, "h": 8})
    >>> [(t.key, t.shape) for t in tensors(place, own)]  # doctest: +NORMALIZE_WHITESPACE
    [('randlora_lambda', (4, 2)), ('randlora_gamma', (2, 6)),
     ('randlora_A', (4, 1, 6)), ('randlora_B', (8, 2, 4))]
    """
    least = min(place.module.d, place.module.h)
    n = -(-least // place.r)
    yield parameter("randlora_lambda", place.r, n)
    yield parameter("randlora_gamma", n, least)
    yield from _bases(place.r, own)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the frozen A and B; they are buffers."""
    return _bases(places[0].r, own)


def _bases(r: int, own: Settings) -> Iterator[Tensor]:
    least, most = sorted((own.d, own.h))
    yield buffer("randlora_A", r, 1, least, saved=own.save_projection)
    yield buffer("randlora_B", most, -(-least // r), r, saved=own.save_projection)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the ranks, parted where fewer bases add up to full rank: less is trained from there."""
    sides = {min(own.d, own.h), *(min(place.module.d, place.module.h) for place in places)}
    # Up to the root every rank has a number of bases of its own, and from there every number a least rank.
    roots = ((side, number) for side in sides for number in range(1, isqrt(side) + 2))
    bends = {bend for side, number in roots for bend in (number, -(-side // number))}
    return parted(range(1, most_rank(places) + 1), bends)


METHOD = Method(
    name="randlora",
    title="RandLoRA: Full-rank parameter-efficient fine-tuning of large models",
    arxiv="2502.00987",
    formula="ceil(min(d, h) / r) * (r + min(d, h))",
    tensors=tensors,
    shared_tensors=shared,
    fields={
        "projection_prng_key": seed(0),
        "save_projection": flag(True),
        "sparse": flag(False),
        "very_sparse": flag(False),
        "randlora_dropout": probability,
        "fan_in_fan_out": flag(False),
        "randlora_alpha": real(640),
        "init_weights": flag(True),
    },
    rank=32,
    alpha="randlora_alpha",
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    layer_rules=frozenset(),
    resolved=with_largest,
    knob_values=sizes,
    same_for_same_shape=always,
)
