"""VeRA: two small trained vectors around a pair of random matrices that all adapted modules share.

Kopiczko et al., "VeRA: Vector-based Random Matrix Adaptation", arXiv:2310.11454, section 3;
`peft.tuners.vera`: `VeraLayer.update_layer`, `VeraModel._init_vera_A_vera_B`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.methods.method import LINEARS, PATTERN_ALONE, TARGETING, Method, Settings, always, flag, real
from lora_cli.methods.parts.random_bases import probability, seed, with_largest
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield b, one value an output, and d, one a row of A: h + r parameters.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings({}))]
    [('vera_lambda_b', (8,)), ('vera_lambda_d', (2,))]
    """
    yield parameter("vera_lambda_b", place.module.h)
    yield parameter("vera_lambda_d", place.r)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the frozen A and B, as large as the largest of the adapted modules; they are buffers."""
    r = places[0].r
    yield buffer("vera_A", r, own.d, saved=own.save_projection)
    yield buffer("vera_B", own.h, r, saved=own.save_projection)


METHOD = Method(
    name="vera",
    title="VeRA: Vector-based Random Matrix Adaptation",
    arxiv="2310.11454",
    formula="h + r",
    tensors=tensors,
    shared_tensors=shared,
    fields={
        "projection_prng_key": seed(0),
        "save_projection": flag(True),
        "vera_dropout": probability,
        "d_initial": real(0.1),
        "fan_in_fan_out": flag(False),
        "init_weights": flag(True),
    },
    rank=256,
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    default_targets={"phi": ("q_proj", "v_proj")},
    layer_rules=frozenset({PATTERN_ALONE}),
    resolved=with_largest,
    same_for_same_shape=always,
)
