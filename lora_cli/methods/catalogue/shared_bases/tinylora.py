"""TinyLoRA: a short trained vector weights fixed random r × r matrices between a weight's singular vectors.

Morris et al., "Learning to Reason in 13 Parameters", arXiv:2602.04118;
`peft.tuners.tinylora`: `TinyLoraLayer._init_svd`, `_init_projection`, `TinyLoraModel._create_and_replace`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING
from lora_cli.methods.config.settings import Dropout, Written, flag, ignored, probability, real, size
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import LINEARS, WITH_FLOATS, Method
from lora_cli.methods.parts.random_bases import seed
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """TinyLoRA's own fields."""

    u: Annotated[int, "Length of the trained vector of each group of modules"] = size(64)
    weight_tying: Annotated[float, "Share by which there are fewer vectors than modules; 1 for one vector"] = (
        probability()
    )
    projection_seed: Annotated[int, "Seed of the frozen projections"] = seed(42)
    save_projection: Annotated[bool, "Whether the file holds the frozen projections"] = flag(True)
    init_v_bound: Annotated[float, "A vector starts between minus this and this, for init_weights uniform"] = real(0.02)
    tinylora_dropout: Dropout = probability()
    fan_in_fan_out: bool = flag(False)
    init_weights: Annotated[
        object, "What the vectors start from: true for zeros; or uniform", Written("boolean or text", True)
    ] = ignored()


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B, the first r singular vectors, and P, u random r × r matrices; all of them are buffers.

    >>> from lora_cli.models import matrix
    >>> own = Settings(u=3, save_projection=True)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), own)]
    [('tinylora_A', (2, 6)), ('tinylora_B', (8, 2)), ('tinylora_P', (3, 2, 2))]
    """
    module = place.module
    r = min(place.r, module.d, module.h)
    # An embedding's weight is not transposed, and so neither are its A and B.
    d, h = (module.h, module.d) if module.kind == "Embedding" else (module.d, module.h)
    yield buffer("tinylora_A", r, d)
    yield buffer("tinylora_B", h, r)
    yield buffer("tinylora_P", own.u, r, r, in_file=own.save_projection)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield a vector of u values for each group of modules; weight_tying is the share by which groups are fewer than modules.

    >>> from lora_cli.models import matrix
    >>> own = Settings(u=3, weight_tying=0.5)
    >>> [(t.key, t.shape) for t in shared([Place(matrix(6, 8), 2)] * 4, own)]
    [('tinylora_v.0', (3,)), ('tinylora_v.1', (3,))]
    """
    groups = max(1, round(len(places) * (1.0 - own.weight_tying)))
    for group in range(groups):
        yield parameter(f"tinylora_v.{group}", own.u)


METHOD = Method(
    name="tinylora",
    title="TinyLoRA: Learning to Reason in 13 Parameters",
    arxiv="2602.04118",
    formula="u for each group of modules",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    rank=2,
    knob="u",
    module_kinds=(*LINEARS, "Embedding"),
    quantised_layers=WITH_FLOATS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    layer_rules=frozenset({PATTERN_ALONE}),
    knob_values=numbers,
)
