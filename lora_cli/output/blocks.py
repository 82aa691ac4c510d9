"""What an answer for people is made of: a title, tables, facts, lines and a drawing, one below the other.

A design (in `designs`) turns a report into blocks; a console draws them. Styles are words: `strong`, `dim`, `good`,
`bad`, `warn`, and the matrices `W`, `A` and `B`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lora_cli.output.columns import Column
from lora_cli.output.people import heading, sheet_cell
from lora_cli.quantities import Value

# Characters that an encoding may not have, and what stands for them.
ASCII = str.maketrans(
    {"·": "-", "×": "x", "ᵀ": "^T", "→": "->", "█": "#", "▓": "=", "▒": "+", "░": ":", "▞": "/", "▀": "*", "▄": "%"}
)


# What stands before what to do.
ARROW = "→ "


class Title(NamedTuple):
    """What the answer is about, in a few parts, and below it what holds for all of it."""

    parts: Sequence[str]
    caption: Sequence[str] = ()


class Facts(NamedTuple):
    """Labels and values."""

    rows: Sequence[tuple[str, str]]


class Grid(NamedTuple):
    """A table. `styles` are of its rows. With `has_total` the last row is the sum of the others.

    `expendable` are the fields of columns that a narrow table leaves out, first to last, and `spare` those of columns that
    it only has where no text but prose is folded. `has_more` says that the records have other fields, too.
    """

    columns: Sequence[Column]
    styles: Sequence[str] = ()
    has_total: bool = False
    expendable: Sequence[str] = ()
    spare: Sequence[str] = ()
    has_more: bool = False


class Line(NamedTuple):
    """A sentence."""

    text: str
    style: str = ""


class Entry(NamedTuple):
    """An entry of a list: its name, and sentences below it, indented. One that begins with `ARROW` goes on below its text."""

    name: str
    sentences: Sequence[str]
    style: str = ""


class Drawing(NamedTuple):
    """The matrices of LoRA, to scale: it stands beside the blocks that follow it, where there is room, or below."""

    d: int
    h: int
    r: int


# The matrices that have a style of their own.
MATRICES = ("W", "A", "B")
Block = Title | Facts | Grid | Line | Entry | Drawing


def facts(record: Mapping[str, Value], fields: Sequence[str]) -> Facts:
    """Return those of the fields that a record has."""
    return Facts([(heading(field), sheet_cell(field, record[field])) for field in fields if field in record])


def caption(columns: Iterable[Column]) -> list[str]:
    """Return what columns with the same cell in every row say."""
    return [f"{each.heading} {each.cells[0]}" for each in columns]


def in_ascii(text: str) -> str:
    """Return a text of ours for a screen without Unicode.

    >>> in_ascii("W · 4 × 8")
    'W - 4 x 8'
    """
    return text.translate(ASCII)
