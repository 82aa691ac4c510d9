"""The regular expressions that users write: compiled only here, and refused in one line where they are wrong."""

from __future__ import annotations

import re
from functools import lru_cache

from lora_cli.errors import InvalidInput, quote_long


def regular_expression(text: str) -> re.Pattern[str]:
    """Return a regular expression as it is written."""
    return _compile("", text, "")


def key_pattern(key: str) -> re.Pattern[str]:
    """Return the pattern of a key in `rank_pattern` and the like: `match` tells whether a name ends with it.

    >>> bool(key_pattern("k|q").match("layers.0.q")), bool(key_pattern("q").match("layers.0.qq"))
    (True, False)
    """
    return _compile(r"(.*\.)?(", key, ")$")


def entry_pattern(entry: str) -> re.Pattern[str]:
    """Return the pattern of an entry in `modules_to_save`: `match` tells whether a name has it between its dots.

    >>> bool(entry_pattern("mlp").match("layers.0.mlp.up")), bool(entry_pattern("mlp").match("layers.0.mlp2"))
    (True, False)
    """
    return _compile(r"(^|.*\.)", entry, r"($|\..*)")


def layer_pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of a name in `layers_pattern`: `match` finds a layer's number, `idx`, behind it."""
    return _compile(r"(?:^|.*?\.)", name, r"\.(?P<idx>\d+)\.")


@lru_cache(maxsize=1024)
def _compile(before: str, text: str, after: str) -> re.Pattern[str]:
    try:
        return re.compile(f"{before}{text}{after}")
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidInput(f"{quote_long(text)} is not a regular expression: {quote_long(str(error))}") from error
