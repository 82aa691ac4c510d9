"""Columns of a table: texts on the left, numbers on the right with their decimals under each other, and their widths.

Numbers of one column get as many decimals as the one that needs the most, so each digit shown is one of the value's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeGuard

from lora_cli.output.people import HIGHLIGHTS, PERCENT, cell, heading, scaled, verdict_cells
from lora_cli.output.report import Report
from lora_cli.output.wrapping import fold, longest_piece, screen_width
from lora_cli.quantities import Value

# A folded column keeps this much of a line.
LEAST_FOLDED = 20
# Sentences are read in no less, as long as another column can be left out.
LEAST_PROSE = 30
# One beside the first column, which has what people copy, gives more before that is broken.
LEAST_BESIDE = 14
# Numbers that need more decimals stand as they are.
MOST_DECIMALS = 10


class Column(NamedTuple):
    """A column of a table: its heading and a text for each row.

    `style` is a word that the console knows, as in `blocks`. A `bar` column holds numbers as texts, of which the largest is
    drawn as long as there is room for, or `whole`, if that is larger. What `is_copied` by people, a name, is never folded,
    and what `is_prose`, sentences, before any other text.
    """

    heading: str
    cells: Sequence[str]
    is_number: bool = False
    style: str = ""
    field: str = ""
    is_bar: bool = False
    whole: float = 0
    is_copied: bool = False
    is_prose: bool = False

    @property
    def width(self) -> int:
        """The width of the widest line of a cell or of the heading, in columns of a terminal."""
        return max(screen_width(line) for text in (self.heading, *self.cells) for line in text.split("\n"))

    def folds(self, least: int) -> bool:
        """Whether its cells may be broken over several lines, each of them at least so wide."""
        return not (self.is_number or self.is_bar or self.is_copied) and self.width > least

    def upright(self) -> Column:
        """Return the column with the words of its heading one below the other."""
        return self._replace(heading=self.heading.replace(" ", "\n"))

    def folded(self, width: int) -> Column:
        """Return the column with its cells broken to a width."""
        return self._replace(cells=[fold(text, width) for text in self.cells])


def column(field: str, values: Sequence[Value], title: str | None = None) -> Column:
    """Return the column of a field's values.

    >>> column("share", [0.225, 0.1, None]).cells
    ['22.50 %', '10.00 %', 'unknown']
    >>> column("name", ["q_proj", "lm_head"]).is_number
    False
    """
    cells = [cell(field, value) for value in values]
    numbers = {at: value for at, value in enumerate(values) if _is_number(value)}
    is_number = len(numbers) == sum(value is not None and value != "" for value in values) > 0
    decimals = [_decimals(cells[at]) for at, value in numbers.items() if isinstance(value, float)]
    if is_number and decimals and None not in decimals:
        most = max(filter(None, decimals), default=0)
        for at, value in numbers.items():
            number, unit = scaled(field, value)
            cells[at] = f"{number:,.{most}f}{unit}"
    style = "strong" if field in HIGHLIGHTS else ""
    return Column(heading(field) if title is None else title, cells, is_number, style, field)


def of_full(values: Iterable[Value]) -> Column:
    """Return the column of `percent_of_full` where it is compared: three digits of the smallest are enough.

    >>> of_full([0.04243787, 6.25, None]).cells
    ['0.0424 %', '6.2500 %', 'none']
    >>> of_full([58.333333333333336]).cells
    ['58.33 %']
    """
    field, values = "percent_of_full", list(values)
    numbers = [value for value in values if _is_number(value) and value]
    decimals = max(2, 2 - math.floor(math.log10(min(numbers)))) if numbers else 2
    cells = [f"{value:,.{decimals}f}{PERCENT}" if _is_number(value) else cell(field, value) for value in values]
    return Column("of full", cells, is_number=True, field=field)


def left(rows: Iterable[tuple[Value, Value]]) -> Column:
    """Return the column of `headroom`, from the limit of each row and what it leaves: these may be of several units.

    >>> left([("max-bytes", 23256), ("max-percent", 0.5)]).cells
    ['23,256', '0.5 %']
    """
    cells = [cell(str(limit).removeprefix("max-"), rest) for limit, rest in rows]
    return Column("left", cells, is_number=True, field="headroom")


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def listing(report: Report) -> list[Column]:
    """Return the columns of a report's records. Where these are verdicts, a value and its limit are rounded together."""
    rows = list(report.rows())
    columns = [column(field, [row[at] for row in rows]) for at, field in enumerate(report.fields)]
    if report.judged:
        at, limit_at = report.fields.index("value"), report.fields.index("limit")
        pairs = [verdict_cells(row[at], row[limit_at]) for row in rows]
        for position, cells in zip((at, limit_at), zip(*pairs, strict=True), strict=True):
            columns[position] = columns[position]._replace(cells=cells)
    return columns


def _decimals(text: str) -> int | None:
    """Return how many decimals a number has, or None where it is not written with a point."""
    found = re.match(r"-?[\d,]+(?:\.(\d+))?(?![\d.e])", text)
    return None if found is None or len(found[1] or "") > MOST_DECIMALS else len(found[1] or "")


def table_width(columns: Sequence[Column], gap: int) -> int:
    """Return the width of a table of these columns."""
    return sum(each.width for each in columns) + gap * (len(columns) - 1)


def folded_prose(columns: Sequence[Column], width: int, gap: int) -> list[Column]:
    """Return the columns with prose folded until the table fits, as far as that breaks no name, and nothing else."""
    folded = list(columns)
    _fold_widest(folded, width, gap, LEAST_PROSE, whole_names=True, only_prose=True)
    return folded


def folded_at_names(columns: Sequence[Column], width: int, gap: int) -> list[Column]:
    """Return the columns with the widest texts folded until the table fits, prose first, as far as that breaks no name."""
    folded = folded_prose(columns, width, gap)
    _fold_widest(folded, width, gap, LEAST_FOLDED, whole_names=True)
    return folded


def folded_to(columns: Sequence[Column], width: int | None, gap: int) -> list[Column]:
    """Return the columns with the widest texts folded until the table fits, or nothing is left to fold.

    A name is broken only where no other column has room to give, and in the first column, what a row is of, last of all.
    """
    if width is None:
        return list(columns)
    folded = folded_at_names(columns, width, gap)
    _fold_widest(folded, width, gap, LEAST_BESIDE, start=1)
    _fold_widest(folded, width, gap, LEAST_FOLDED)
    return folded


def _fold_widest(
    columns: list[Column],
    width: int,
    gap: int,
    least: int,
    *,
    start: int = 0,
    whole_names: bool = False,
    only_prose: bool = False,
) -> None:
    """Fold the widest texts in place until the table fits, as far as that keeps names whole, or whatever it breaks."""
    widths = {
        at: each.width
        for at, each in enumerate(columns)
        if at >= start and each.folds(least) and (each.is_prose or not only_prose)
    }
    while widths and (over := table_width(columns, gap) - width) > 0:
        widest = max(widths, key=widths.__getitem__)
        kept = max(least, longest_piece(columns[widest].cells) if whole_names else 0)
        narrower = columns[widest].folded(max(kept, widths[widest] - over))
        if narrower.width < widths.pop(widest):
            columns[widest] = narrower
            if narrower.folds(least):
                widths[widest] = narrower.width


def same_in_all_rows(columns: Iterable[Column]) -> list[Column]:
    """Return the columns that say the same in every one of several rows."""
    return [each for each in columns if len(each.cells) > 1 and len(set(each.cells)) == 1]
