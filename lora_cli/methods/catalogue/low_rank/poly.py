"""Poly: several pairs of LoRA's matrices, the skills, which each task mixes with its own weights.

Ponti et al., "Combining Modular Skills in Multitask Learning", arXiv:2202.13914; with `n_splits` over 1,
multi-head routing, arXiv:2211.03831; `peft.tuners.poly`: `PolyLayer.update_layer`, `PolyRouter`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.settings import flag, size, text
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """Poly's own fields."""

    init_weights: bool = flag(True)
    poly_type: Annotated[str, "Kind of module"] = text("poly", "poly")
    n_tasks: Annotated[int, "Number of tasks"] = size(1)
    n_skills: Annotated[int, "Number of LoRAs in each module, which a task mixes"] = size(4)
    n_splits: Annotated[int, "Number of parts of a LoRA that are mixed each on its own"] = size(1)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B of each split and skill, n_skills·r·(d + h) parameters, and the weights of each task.

    Where the splits do not divide a side, PEFT drops the remainder.

    >>> from lora_cli.models import matrix
    >>> own = Settings(n_tasks=3, n_skills=4, n_splits=2)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 5), own)][:2]
    [('poly_lora_A', (2, 4, 3, 5)), ('poly_lora_B', (2, 4, 5, 4))]
    >>> sum(t.params for t in tensors(Place(matrix(6, 8), 5), own)) == 4 * 5 * (6 + 8) + 3 * 2 * 4
    True
    """
    splits, skills = own.n_splits, own.n_skills
    yield parameter("poly_lora_A", splits, skills, place.module.d // splits, place.r)
    yield parameter("poly_lora_B", splits, skills, place.r, place.module.h // splits)
    yield parameter("poly_router.module_logits", own.n_tasks, splits * skills)


METHOD = Method(
    name="poly",
    title="Poly: Combining Modular Skills in Multitask Learning",
    arxiv="2202.13914",
    formula="n_skills * r * (d + h) + n_tasks * n_splits * n_skills",
    settings=Settings,
    tensors=tensors,
    shared_fields=frozenset({"target_modules", "exclude_modules", "modules_to_save"}),
)
