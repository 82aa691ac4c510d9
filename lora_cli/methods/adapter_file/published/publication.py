"""How a model's published names are declared."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple

# What stands for the number of a block.
NUMBER = "#"


class Publication(NamedTuple):
    """A model's modules by their published names, each with the modules of diffusers that it is made of, in their order.

    A model is meant if it has the modules in `marks`, by diffusers' names.
    """

    marks: Set[str]
    modules: Mapping[str, tuple[str, ...]]


def within(published: str, own: str, parts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the names of the parts of a block, whose modules of diffusers stand with spaces between them.

    >>> within("blocks.#.", "layers.#.", {"qkv": "to_q to_k to_v"})
    {'blocks.#.qkv': ('layers.#.to_q', 'layers.#.to_k', 'layers.#.to_v')}
    """
    return {published + part: tuple(own + name for name in names.split()) for part, names in parts.items()}
