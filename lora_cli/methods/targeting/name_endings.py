"""The endings of a module's name that begin at one of its dots: what PEFT compares most entries with."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet


def endings(name: str) -> Iterator[str]:
    """Yield a name, and what follows each of its dots.

    >>> list(endings("0.mlp.up_proj"))
    ['0.mlp.up_proj', 'mlp.up_proj', 'up_proj']
    """
    yield name
    dot = name.find(".")
    while dot >= 0:
        yield name[dot + 1 :]
        dot = name.find(".", dot + 1)


def ends_with(name: str, entries: AbstractSet[str]) -> bool:
    """Whether a name is one of the entries, or ends with a dot and one of them."""
    return any(ending in entries for ending in endings(name))
