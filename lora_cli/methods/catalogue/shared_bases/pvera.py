"""PVeRA: VeRA whose trained vector on the rows of A says a mean and a variance for each.

Fillioux et al., "PVeRA: Probabilistic Vector-Based Random Matrix Adaptation", arXiv:2512.07703;
`peft.tuners.pvera`: `PveraLayer.update_layer`, `PveraModel._init_pvera_A_pvera_B`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.methods.method import LINEARS, PATTERN_ALONE, TARGETING, Method, Settings, flag, ignored, real
from lora_cli.methods.parts.random_bases import probability, seed, with_largest
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield b, one value an output, and d, two a row of A: h + 2r parameters.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings({}))]
    [('pvera_lambda_b', (8,)), ('pvera_lambda_d', (4,))]
    """
    yield parameter("pvera_lambda_b", place.module.h)
    yield parameter("pvera_lambda_d", 2 * place.r)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the frozen A and B, as large as the largest of the adapted modules; they are buffers."""
    r = places[0].r
    yield buffer("pvera_A", 2 * r, own.d, saved=own.save_projection)
    yield buffer("pvera_B", own.h, r, saved=own.save_projection)


METHOD = Method(
    name="pvera",
    title="PVeRA: Probabilistic Vector-Based Random Matrix Adaptation",
    arxiv="2512.07703",
    formula="h + 2r",
    tensors=tensors,
    shared_tensors=shared,
    fields={
        "projection_prng_key": seed(0),
        "save_projection": flag(True),
        "pvera_dropout": probability,
        "d_initial": real(0.1),
        "fan_in_fan_out": flag(False),
        "init_weights": flag(True),
        "sample_at_inference": flag(False),
        "generator_seed": ignored,
    },
    rank=256,
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    default_targets={"phi": ("q_proj", "v_proj"), "dinov2": ("query", "value")},
    layer_rules=frozenset({PATTERN_ALONE}),
    resolved=with_largest,
)
