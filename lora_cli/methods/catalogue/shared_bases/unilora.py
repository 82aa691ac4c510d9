"""Uni-LoRA: every value of A and B is one of a single short trained vector, by fixed random indices.

Li et al., "Uni-LoRA: One Vector is All You Need", arXiv:2506.00799;
`peft.tuners.unilora`: `UniLoraLayer.reset_unilora_parameters`, `UniLoraModel._get_adapter_state_dict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import (
    LAYERS_WITH_TEXT,
    LINEARS,
    PATTERN_WITH_TEXT,
    TARGETING,
    Method,
    Settings,
    flag,
    real,
    size,
)
from lora_cli.methods.parts.random_bases import probability
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the indices of A and B and their scales, which are buffers: no parameter.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape, t.dtype) for t in tensors(Place(matrix(6, 8), 2), Settings({"save_indices": True}))][:2]
    [('unilora_indices_A', (2, 6), 'I64'), ('unilora_scales_A', (2, 6), 'F32')]
    """
    for side, shape in (("A", (place.r, place.module.d)), ("B", (place.module.h, place.r))):
        yield buffer(f"unilora_indices_{side}", *shape, saved=own.save_indices, dtype="I64")
        yield buffer(f"unilora_scales_{side}", *shape, saved=own.save_indices)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the one vector, theta_d_length parameters."""
    yield parameter("unilora_theta_d", own.theta_d_length)


def check(own: Settings) -> None:
    """Refuse a first value that is drawn from nothing."""
    if own.init_theta_d_bound <= 0:
        raise InvalidInput(f"init_theta_d_bound is {own.init_theta_d_bound:g}; it must be over 0")


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the lengths up to the number of values that are made of the vector."""
    values = sum(place.r * (place.module.d + place.module.h) for place in places)
    return (range(1, min(MAX_SIZE, values) + 1),)


METHOD = Method(
    name="unilora",
    title="Uni-LoRA: One Vector is All You Need",
    arxiv="2506.00799",
    formula="theta_d_length for the model",
    tensors=tensors,
    shared_tensors=shared,
    fields={
        "proj_seed": size(42, least=0),
        "theta_d_length": size(256),
        "unilora_dropout": probability,
        "fan_in_fan_out": flag(False),
        "init_theta_d_bound": real(0.02),
        "init_weights": flag(True),
        "save_indices": flag(False),
    },
    rank=4,
    knob="theta_d_length",
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    check_settings=check,
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT}),
    knob_values=sizes,
)
