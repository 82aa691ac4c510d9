"""The variants: LoRA with some fields of its config set, under names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Variant(NamedTuple):
    """The method that a variant belongs to, the fields of its config that make it, and how it is described.

    `arxiv` is the number of its paper; `formula` counts what is trained on one Linear of d inputs and h outputs.
    """

    method: str
    fields: Mapping[str, object]
    title: str
    arxiv: str
    formula: str


# Where a config has the fields of two, it goes by the first.
VARIANTS = {
    "dora": Variant(
        "lora", {"use_dora": True}, "DoRA: Weight-Decomposed Low-Rank Adaptation", "2402.09353", "r * (d + h) + h"
    ),
    "rslora": Variant("lora", {"use_rslora": True}, "rsLoRA: Rank-Stabilized LoRA", "2312.03732", "r * (d + h)"),
}


class Recipe(NamedTuple):
    """What changes the base model or the optimizer, and trains what a method or a variant does."""

    method: str
    how: str
    # How the base is quantised, which its memory depends on.
    quantize: str | None = None


RECIPES = {
    "qlora": Recipe("lora", "on a base model in 4 bits", "nf4"),
    "qdora": Recipe("dora", "on a base model in 4 bits", "nf4"),
    "loraplus": Recipe("lora", "with a learning rate of its own for B"),
    "lora+": Recipe("lora", "with a learning rate of its own for B"),
}


def variants_of(method: str) -> tuple[str, ...]:
    """Return the names of a method's variants.

    >>> variants_of("lora"), variants_of("vera")
    (('dora', 'rslora'), ())
    """
    return tuple(name for name, variant in VARIANTS.items() if variant.method == method)


def variant_of(method: str, settings: object) -> str | None:
    """Return the name of the variant that a method's own settings make of it, if they do."""
    return next(
        (
            name
            for name in variants_of(method)
            if all(getattr(settings, field) == value for field, value in VARIANTS[name].fields.items())
        ),
        None,
    )
