"""Text broken into lines that a screen has room for: cells anywhere that reads well, sentences only between words."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Where a long text may be broken: after these, but not within a number.
_PIECE = r"(?:[^,.\s/|]|(?<=\d)[,.](?=\d))*[,.\s/|]?"
# Where a name that is longer than a line is broken, if it can be: before a word within it, as in UNet2DModel.
_HUMP = r"(?<=\w)(?=[A-Z][a-z])"
# What a sentence is made of: words, and what stands between quotation marks, e.g. a command; and the space before each.
_WORD = r"""(\s*)((?:`[^`]*`|(?<!\w)'[^']*'|(?<!\w)"[^"]*"|\S)+)"""


def screen_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: Chinese characters take two, accents of their own none.

    >>> screen_width("qwen"), screen_width("模型"), screen_width("e\u0301")
    (4, 4, 1)
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def fold(text: str, width: int) -> str:
    """Return a text broken into lines of at most `width`, after a space, a comma, a dot or a slash where there is one.

    >>> fold("q_proj,k_proj,v_proj", 14)
    'q_proj,k_proj,\\nv_proj'
    >>> fold("unbreakable", 4), fold("WanTransformer3DModel", 20)
    ('unbr\\neaka\\nble', 'WanTransformer3D\\nModel')
    """
    lines = [""]
    for piece in re.findall(_PIECE, text):
        if lines[-1] and screen_width(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
        while screen_width(lines[-1].rstrip()) > width:
            kept = next(end for end in range(width, 0, -1) if screen_width(lines[-1][:end]) <= width or end == 1)
            kept = max((hump.start() for hump in re.finditer(_HUMP, lines[-1]) if hump.start() <= kept), default=kept)
            lines[-1:] = [lines[-1][:kept], lines[-1][kept:]]
    return "\n".join(line.rstrip() for line in lines)


def longest_piece(texts: Iterable[str]) -> int:
    """Return the width of the longest part of texts that `fold` keeps whole where it can.

    >>> longest_piece(["q_proj,v_proj", "none"])
    7
    """
    return max((screen_width(piece.rstrip()) for text in texts for piece in re.findall(_PIECE, text)), default=0)


def packed(parts: Iterable[str], separator: str, width: int | None) -> str:
    """Return parts with a separator between them, on lines of at most `width`; only a longer part is broken.

    >>> packed(["d 4,096", "h 14,336", "rank 16"], " - ", 20)
    'd 4,096 - h 14,336\\nrank 16'
    """
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{separator}{part}" if lines else part
        if lines and (width is None or screen_width(longer) <= width):
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(line if width is None else fold(line, width) for line in lines)


def wrapped(text: str, width: int | None, indent: int = 0) -> str:
    """Return a sentence on lines of at most `width`, those after the first indented.

    It is broken only between words, and not within quotation marks, so that each name, path and command in it can be
    copied: one that is longer than a line has a line of its own.

    >>> print(wrapped("1 tensor ('layers.0.q_proj') is missing; see `lora-cli inspect --help`", 24, 2))
    1 tensor
      ('layers.0.q_proj') is
      missing; see
      `lora-cli inspect --help`
    """
    if width is None:
        return text
    lines = [""]
    for space, word in re.findall(_WORD, text):
        if lines[-1].strip() and screen_width(f"{lines[-1]}{space}{word}") > width:
            lines.append(f"{' ' * indent}{word}")
        else:
            lines[-1] += f"{space}{word}"
    return "\n".join(lines)
