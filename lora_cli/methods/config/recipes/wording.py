"""Values of a recipe in words, for what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lora_cli.errors import first_few, quote, quote_long

# A list of more names than these is shortened.
MOST_NAMES = 8


def file_name(source: str) -> str:
    """Return the name of a file as messages have it."""
    return source if source.isprintable() and len(source) <= 120 else quote_long(source)


def shown(value: Any) -> str:
    """Return a value in a few words.

    >>> shown(True), shown(["q_proj", "v_proj"]), shown(list("abcdefghij"))
    ('true', 'q_proj,v_proj', 'a, b, c and 7 more')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if value.isprintable() and len(value) <= 120 else quote_long(value)
    if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
        return ",".join(value) if len(value) <= MOST_NAMES else first_few(value, str)
    return quote(value)
