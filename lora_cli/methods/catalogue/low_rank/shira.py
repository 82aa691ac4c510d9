"""SHiRA: trains as many values of the weight itself as LoRA would, at positions drawn once.

Bhardwaj et al., "Sparse High Rank Adapters", arXiv:2406.13175; `peft.tuners.shira`: `ShiraLayer.update_layer`,
`ShiraModel._get_adapter_state_dict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.settings import Written, flag, ignored, text
from lora_cli.methods.method import WITH_BACKEND, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter

RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Settings:
    """SHiRA's own fields."""

    mask_type: Annotated[str, "How the trained values are chosen: random, or a function that is set in Python"] = text(
        RANDOM
    )
    random_seed: Annotated[object, "Seed of a random choice", Written("integer")] = ignored()
    fan_in_fan_out: bool = flag(False)
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the r·(d + h) trained values and their positions, a row and a column each.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape, t.dtype) for t in tensors(Place(matrix(6, 8), 2), Settings(mask_type="random"))]
    [('shira_weight', (28,), 'F32'), ('shira_indices', (2, 28), 'I32')]
    """
    d, h = place.module.d, place.module.h
    values = place.r * (d + h)
    if values > d * h:
        most = d * h // (d + h)
        raise InvalidInput(
            f"rank {place.r} trains {values} values of {quote_long(place.module.name)}, which only has {d * h}; "
            f"{f'give {most} or less' if most else 'leave it out'}"
        )
    yield parameter("shira_weight", values)
    # Any other mask is a function of the user, which is in no file.
    if own.mask_type == RANDOM:
        yield buffer("shira_indices", 2, values, dtype="I32")


METHOD = Method(
    name="shira",
    title="SHiRA: Sparse High Rank Adapters",
    arxiv="2406.13175",
    formula="r * (d + h)",
    settings=Settings,
    tensors=tensors,
    quantised_layers=WITH_BACKEND,
    rank=32,
    shared_fields=frozenset({"target_modules", "modules_to_save"}),
    default_targets={"phi": ("q_proj", "v_proj")},
)
