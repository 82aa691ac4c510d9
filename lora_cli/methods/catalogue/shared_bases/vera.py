"""VeRA: two small trained vectors around a pair of random matrices that all adapted modules share.

Kopiczko et al., "VeRA: Vector-based Random Matrix Adaptation", arXiv:2310.11454, section 3;
`peft.tuners.vera`: `VeraLayer.update_layer`, `VeraModel._init_vera_A_vera_B`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING
from lora_cli.methods.config.settings import Dropout, flag, probability, real
from lora_cli.methods.method import LINEARS, WITH_BACKEND, Method, always
from lora_cli.methods.parts.random_bases import BasesSettings, seed, with_largest_sides
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


@dataclass(frozen=True, slots=True)
class Settings(BasesSettings):
    """VeRA's own fields."""

    projection_prng_key: Annotated[int, "Seed of the frozen A and B"] = seed(0)
    save_projection: Annotated[bool, "Whether the file holds the frozen A and B"] = flag(True)
    vera_dropout: Dropout = probability()
    d_initial: Annotated[float, "What the trained vector d starts from"] = real(0.1)
    fan_in_fan_out: bool = flag(False)
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield b, one value per output, and d, one per row of A: h + r parameters.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings())]
    [('vera_lambda_b', (8,)), ('vera_lambda_d', (2,))]
    """
    yield parameter("vera_lambda_b", place.module.h)
    yield parameter("vera_lambda_d", place.r)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the frozen A and B, which fit the largest adapted modules; they are buffers."""
    r = places[0].r
    yield buffer("vera_A", r, own.d, in_file=own.save_projection)
    yield buffer("vera_B", own.h, r, in_file=own.save_projection)


METHOD = Method(
    name="vera",
    title="VeRA: Vector-based Random Matrix Adaptation",
    arxiv="2310.11454",
    formula="h + r",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    rank=256,
    module_kinds=LINEARS,
    quantised_layers=WITH_BACKEND,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    default_targets={"phi": ("q_proj", "v_proj")},
    layer_rules=frozenset({PATTERN_ALONE}),
    resolved=with_largest_sides,
    same_for_same_shape=always,
)
