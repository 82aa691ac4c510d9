"""Super-Tuning: trains the largest values of a weight in place, optionally with a LoRA beside them.

arXiv:2607.09287; `peft.tuners.supertuning.layer.SupertuningLayer`: `_num_trainable`, `update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.settings import Dropout, flag, probability, real, size
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """Super-Tuning's own fields."""

    sparsity: Annotated[float, "Share of a weight's values that are not trained"] = real(0.99, least=0, most=1)
    select_top: Annotated[bool, "Whether the largest values are trained, or else the smallest"] = flag(True)
    r: Annotated[int | None, "Rank of a LoRA beside these values; null for none"] = size(None)
    lora_alpha: Annotated[float | None, "The LoRA is scaled by lora_alpha / r; null for 2 * r"] = real(None)
    lora_dropout: Dropout = probability()
    init_weights: bool = flag(True)
    save_precomputed_indices: Annotated[bool, "Whether the file holds which values are trained"] = flag(True)

    def __post_init__(self) -> None:
        """Refuse an alpha without a rank, and a sparsity or dropout of 1."""
        if self.sparsity == 1:
            raise InvalidInput("sparsity is 1; it must be under 1, so that something is trained")
        if self.lora_dropout == 1:
            raise InvalidInput("lora_dropout is 1; it must be under 1")
        if self.r is None and self.lora_alpha is not None:
            raise InvalidInput(f"lora_alpha is {self.lora_alpha} without r; give r too, or leave lora_alpha out")


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the trained values, ⌊d·h·(1 − sparsity)⌋ in floating point, and their positions; then A and B.

    >>> from lora_cli.models import matrix
    >>> own = Settings(sparsity=0.75, save_precomputed_indices=True, r=2)
    >>> [(t.key, t.shape, t.dtype) for t in tensors(Place(matrix(6, 8), 0), own)][:2]
    [('supertuning_values', (12,), 'F32'), ('supertuning_indices', (12,), 'I32')]
    """
    module = place.module
    trained = int(module.weight_params * (1 - own.sparsity))
    if trained < 1:
        remedy = f"give {1 - 1 / module.weight_params:.6g} or less" if module.weight_params else "leave it out"
        raise InvalidInput(
            f"sparsity {own.sparsity} leaves nothing to train of the {module.weight_params} values of "
            f"{quote_long(module.name)}; {remedy}"
        )
    yield parameter("supertuning_values", trained)
    yield buffer("supertuning_indices", trained, in_file=own.save_precomputed_indices, dtype="I32")
    if own.r is not None:
        yield parameter("supertuning_lora_A.weight", own.r, module.d)
        yield parameter("supertuning_lora_B.weight", module.h, own.r)


METHOD = Method(
    name="supertuning",
    title="Super-Tuning: sparse tuning of the largest weights",
    arxiv="2607.09287",
    formula="floor(d * h * (1 - sparsity)) + r * (d + h)",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob="sparsity",
    alpha="lora_alpha",
    shared_fields=frozenset({"target_modules", "modules_to_save"}),
    knob_values=None,
)
