"""What a terminal must not get from a name in a file, by Unicode's own categories."""

from __future__ import annotations

from unicodedata import bidirectional, category

DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def has_controls(text: str) -> bool:
    """Whether a text has a control character, a line end, half a character, or a mark that turns its direction."""
    return any(
        category(c) in {"Cc", "Cs", "Zl", "Zp"}
        or bidirectional(c) in DIRECTIONS
        or c in "\u061c\u200e\u200f\ufffe\uffff"
        for c in text
    )
