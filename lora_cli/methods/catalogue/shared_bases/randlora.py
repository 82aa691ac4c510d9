"""RandLoRA: trains scales of random low-rank bases that add up to full rank.

Albert et al., "RandLoRA: Full-rank parameter-efficient fine-tuning of large models", arXiv:2502.00987;
`peft.tuners.randlora`: `RandLoraLayer.update_layer`, `RandLoraModel._init_randlora_A_randlora_B`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import TARGETING
from lora_cli.methods.config.settings import Dropout, flag, probability, scale
from lora_cli.methods.knob import Runs, most_rank, runs_between
from lora_cli.methods.method import LINEARS, Method, always
from lora_cli.methods.parts.random_bases import BasesSettings, seed, with_largest_sides
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


@dataclass(frozen=True, slots=True)
class Settings(BasesSettings):
    """RandLoRA's own fields."""

    projection_prng_key: Annotated[int, "Seed of the frozen bases"] = seed(0)
    save_projection: Annotated[bool, "Whether the file holds the frozen bases"] = flag(True)
    sparse: Annotated[bool, "Whether the bases are sparse"] = flag(False)
    very_sparse: Annotated[bool, "Whether the bases are very sparse"] = flag(False)
    randlora_dropout: Dropout = probability()
    fan_in_fan_out: bool = flag(False)
    randlora_alpha: Annotated[float | InvalidInput, "The update is scaled by randlora_alpha / r"] = scale(640)
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield lambda and gamma, which scale n = ⌈min(d, h) / r⌉ bases: n(r + min(d, h)) parameters.

    All modules share the frozen bases, but the file holds a copy for each module.

    >>> from lora_cli.models import matrix
    >>> place = Place(matrix(6, 8), 4)
    >>> own = Settings(save_projection=True, d=6, h=8)
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
    yield buffer("randlora_A", r, 1, least, in_file=own.save_projection)
    yield buffer("randlora_B", most, -(-least // r), r, in_file=own.save_projection)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the ranks in runs that end where fewer bases add up to full rank, because less is trained from there on."""
    sides = {min(own.d, own.h), *(min(place.module.d, place.module.h) for place in places)}
    # Up to the square root each rank needs a different number of bases; above it each number has a lowest rank.
    roots = ((side, number) for side in sides for number in range(1, isqrt(side) + 2))
    bends = {bend for side, number in roots for bend in (number, -(-side // number))}
    return runs_between(range(1, most_rank(places) + 1), bends)


METHOD = Method(
    name="randlora",
    title="RandLoRA: Full-rank parameter-efficient fine-tuning of large models",
    arxiv="2502.00987",
    formula="ceil(min(d, h) / r) * (r + min(d, h))",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    rank=32,
    alpha="randlora_alpha",
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    layer_rules=frozenset(),
    refuses_mamba_parts=True,
    resolved=with_largest_sides,
    knob_values=sizes,
    same_for_same_shape=always,
)
