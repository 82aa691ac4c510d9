"""PVeRA: VeRA whose trained vector on the rows of A gives a mean and a variance for each row.

Fillioux et al., "PVeRA: Probabilistic Vector-Based Random Matrix Adaptation", arXiv:2512.07703;
`peft.tuners.pvera`: `PveraLayer.update_layer`, `PveraModel._init_pvera_A_pvera_B`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING
from lora_cli.methods.config.settings import Dropout, Written, flag, ignored, probability, real
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.parts.random_bases import BasesSettings, seed, with_largest_sides
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


@dataclass(frozen=True, slots=True)
class Settings(BasesSettings):
    """PVeRA's own fields."""

    projection_prng_key: Annotated[int, "Seed of the frozen A and B"] = seed(0)
    save_projection: Annotated[bool, "Whether the file holds the frozen A and B"] = flag(True)
    pvera_dropout: Dropout = probability()
    d_initial: Annotated[float, "What the trained vector d starts from"] = real(0.1)
    fan_in_fan_out: bool = flag(False)
    init_weights: bool = flag(True)
    sample_at_inference: Annotated[bool, "Whether inference samples, too, instead of taking the mean"] = flag(False)
    generator_seed: Annotated[object, "Seed of the sampling", Written("integer")] = ignored()


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield b, one value per output, and d, two per row of A: h + 2r parameters.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings())]
    [('pvera_lambda_b', (8,)), ('pvera_lambda_d', (4,))]
    """
    yield parameter("pvera_lambda_b", place.module.h)
    yield parameter("pvera_lambda_d", 2 * place.r)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the frozen A and B, which fit the largest adapted modules; they are buffers."""
    r = places[0].r
    yield buffer("pvera_A", 2 * r, own.d, in_file=own.save_projection)
    yield buffer("pvera_B", own.h, r, in_file=own.save_projection)


METHOD = Method(
    name="pvera",
    title="PVeRA: Probabilistic Vector-Based Random Matrix Adaptation",
    arxiv="2512.07703",
    formula="h + 2r",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    rank=256,
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    default_targets={"phi": ("q_proj", "v_proj"), "dinov2": ("query", "value")},
    layer_rules=frozenset({PATTERN_ALONE}),
    resolved=with_largest_sides,
)
