"""Patterns that choose among names in a listing."""

from __future__ import annotations

WILD = frozenset("*?[")


def is_wild(pattern: str) -> bool:
    """Whether a pattern must match a name whole, with `*`, `?` and `[...]` as shells have them.

    >>> is_wild("qwen3-*"), is_wild("qwen3")
    (True, False)
    """
    return not WILD.isdisjoint(pattern)
