"""The regular expressions that users write: compiled and matched only here.

One that is wrong is refused in one line, and one that would be matched for ever in limited time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.time_limit import is_limited, time_limit

# Any pattern that terminates takes a fraction of this time, and of the time that is due to its names.
MATCHING_SECONDS = 3.0
NAMES_A_SECOND = 20_000
# More keys than these take longer to match than anybody waits.
KEPT_PATTERNS = 2**16

Match = re.Match[str] | None


def matching_time_limit(names: int) -> AbstractContextManager[None]:
    """Limit the time of the matching inside to what this many names may take."""
    return time_limit(
        MATCHING_SECONDS,
        "matching the names and patterns of the config with the model's names",
        "give fewer, or write patterns without nested repetition such as (a+)+",
        due=names / NAMES_A_SECOND,
    )


class Pattern:
    """A compiled regular expression, whose matching is limited in time wherever it is done."""

    __slots__ = ("_compiled",)

    def __init__(self, compiled: re.Pattern[str]) -> None:
        self._compiled = compiled

    def match(self, name: str) -> Match:
        """Match the start of a name."""
        return _in_limited_time(self._compiled.match, name)

    def fullmatch(self, name: str) -> Match:
        """Match a whole name."""
        return _in_limited_time(self._compiled.fullmatch, name)

    def search(self, name: str) -> Match:
        """Match any part of a name."""
        return _in_limited_time(self._compiled.search, name)


def _in_limited_time(match: Callable[[str], Match], name: str) -> Match:
    if is_limited():
        return match(name)
    with matching_time_limit(1):
        return match(name)


def regular_expression(text: str) -> Pattern:
    """Return a regular expression as it is written."""
    return _compile("", text, "")


def key_pattern(key: str) -> Pattern:
    """Return the pattern of a key in `rank_pattern` and the like: `match` tells whether a name ends with it.

    >>> bool(key_pattern("k|q").match("layers.0.q")), bool(key_pattern("q").match("layers.0.qq"))
    (True, False)
    """
    return _compile(r"(.*\.)?(", key, ")$")


def ending_pattern(key: str) -> Pattern:
    """Return the pattern of a key in `n_frequency_pattern` and the like: `match` tells whether it follows a dot.

    >>> bool(ending_pattern("q").match("layers.0.q")), bool(ending_pattern("q").match("q"))
    (True, False)
    """
    return _compile(r".*\.", key, "$")


def entry_pattern(entry: str) -> Pattern:
    """Return the pattern of an entry in `modules_to_save`: `match` tells whether a name has it between its dots.

    >>> bool(entry_pattern("mlp").match("layers.0.mlp.up")), bool(entry_pattern("mlp").match("layers.0.mlp2"))
    (True, False)
    """
    return _compile(r"(^|.*\.)", entry, r"($|\..*)")


def layer_pattern(name: str) -> Pattern:
    """Return the pattern of a name in `layers_pattern`: `match` finds a layer's number, `idx`, behind it."""
    return _compile(r"(?:^|.*?\.)", name, r"\.(?P<idx>\d+)\.")


@lru_cache(maxsize=KEPT_PATTERNS)
def _compile(before: str, text: str, after: str) -> Pattern:
    try:
        with matching_time_limit(1):
            return Pattern(re.compile(f"{before}{text}{after}"))
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidInput(f"{quote_long(text)} is not a regular expression: {quote_long(str(error))}") from error
