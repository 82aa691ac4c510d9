"""Uni-LoRA: fixed random indices pick every value of A and B from a single short trained vector.

Li et al., "Uni-LoRA: One Vector is All You Need", arXiv:2506.00799;
`peft.tuners.unilora`: `UniLoraLayer.reset_unilora_parameters`, `UniLoraModel._get_adapter_state_dict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, TARGETING
from lora_cli.methods.config.settings import Dropout, flag, probability, real, size
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE


@dataclass(frozen=True, slots=True)
class Settings:
    """Uni-LoRA's own fields."""

    proj_seed: Annotated[int, "Seed of where the vector's values are used"] = size(42, least=0)
    theta_d_length: Annotated[int, "Length of the one trained vector"] = size(256)
    unilora_dropout: Dropout = probability()
    fan_in_fan_out: bool = flag(False)
    init_theta_d_bound: Annotated[float, "The vector starts between minus this and this"] = real(0.02)
    init_weights: bool = flag(True)
    save_indices: Annotated[bool, "Whether the file holds where its values are used"] = flag(False)

    def __post_init__(self) -> None:
        """Refuse an empty range of initial values."""
        if self.init_theta_d_bound <= 0:
            raise InvalidInput(f"init_theta_d_bound is {self.init_theta_d_bound:g}; it must be over 0")


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the indices of A and B and their scales; all of them are buffers.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape, t.dtype) for t in tensors(Place(matrix(6, 8), 2), Settings(save_indices=True))][:2]
    [('unilora_indices_A', (2, 6), 'I64'), ('unilora_scales_A', (2, 6), 'F32')]
    """
    for side, shape in (("A", (place.r, place.module.d)), ("B", (place.module.h, place.r))):
        yield buffer(f"unilora_indices_{side}", *shape, in_file=own.save_indices, dtype="I64")
        yield buffer(f"unilora_scales_{side}", *shape, in_file=own.save_indices)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the shared vector, theta_d_length parameters."""
    yield parameter("unilora_theta_d", own.theta_d_length)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the lengths up to the number of values that are picked from the vector."""
    values = sum(place.r * (place.module.d + place.module.h) for place in places)
    return (range(1, min(MAX_SIZE, values) + 1),)


METHOD = Method(
    name="unilora",
    title="Uni-LoRA: One Vector is All You Need",
    arxiv="2506.00799",
    formula="theta_d_length for the model",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    rank=4,
    knob="theta_d_length",
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT}),
    knob_values=sizes,
)
