"""From the texts of options to values.

Every option is read as text and then by `quantities`, so that a wrong value is always answered in the same way: the
option, the value, the limit and the fix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lora_cli.errors import is_several
from lora_cli.models.matrix import MAX_DIMENSION, several_sizes
from lora_cli.quantities import parse_whole, read

T = TypeVar("T")


def read_given(name: str, text: str | None, parse: Callable[..., T], *limits: object) -> T | None:
    """Return the value of an option that may be left out."""
    return None if text is None else read(name, text, parse, *limits)


def read_list(text: str) -> list[str]:
    """Return the names of a list.

    >>> read_list("lora, dora")
    ['lora', 'dora']
    """
    return [name.strip() for name in text.split(",")]


def size(name: str, text: str | None) -> int | None:
    """Return a size that a sweep has an axis of, or None where the option is left out."""
    if text is not None and is_several(text):
        raise several_sizes(name, text)
    return whole(name, text)


def whole(name: str, text: str | None) -> int | None:
    """Return a whole number from 1, or None where the option is left out."""
    return read_given(name, text, parse_whole, 1, MAX_DIMENSION)
