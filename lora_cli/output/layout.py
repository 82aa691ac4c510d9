"""How a report is laid out for people: by a design of its own, as a table of its records, or as a list of one's fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module

from lora_cli.errors import argument
from lora_cli.output import designs
from lora_cli.output.blocks import Block, Drawing, Facts, Grid, Line, Title, caption
from lora_cli.output.columns import (
    Column,
    column,
    folded_at_names,
    folded_prose,
    folded_to,
    listing,
    same_in_all_rows,
    table_width,
)
from lora_cli.output.people import SUBJECTS, sheet
from lora_cli.output.report import Report, Screen

# Columns of a terminal between two columns of a table.
GAP = 2
BAR_WIDTH, LEAST_BAR = 20, 4
FULL, PARTS = "█", " ▏▎▍▌▋▊▉"


def blocks(report: Report, screen: Screen) -> Iterator[Block]:
    """Yield the blocks of a report, each table as wide as the screen or narrower.

    A table that is too wide however its columns are folded, and without those that it can do without, becomes a list
    of facts for each row. What tables that follow each other leave out is said below the last of them.
    """
    unshown: dict[str, None] = {}
    for block in _designed(report):
        if not isinstance(block, Grid):
            yield from _said(unshown)
            unshown = {}
            yield block
            continue
        columns, hidden = _shown(block, screen.width)
        fitted = _fitted(columns, screen)
        if screen.width is not None and table_width(fitted, GAP) > screen.width:
            yield from _rows_as_facts(block)
        else:
            yield block._replace(columns=fitted)
            unshown |= dict.fromkeys(hidden)
        if block.has_more and not unshown:
            yield Line(f"All fields: {argument('format')} csv", "dim")
    yield from _said(unshown)


def _said(unshown: Iterable[str]) -> Iterator[Line]:
    """Yield the sentence on fields that tables have no room for, if there are any."""
    if unshown:
        yield Line(f"No room for {', '.join(unshown)}: {argument('format')} json shows all fields.", "dim")


def _designed(report: Report) -> Iterable[Block]:
    if report.design is not None:
        designed: Iterable[Block] = import_module(f"{designs.__name__}.{report.design}").design(report)
        return designed
    return _listing(report) if report.listing else _sheet(report)


def _listing(report: Report) -> Iterator[Block]:
    """Yield the records as a table, below what all of them say."""
    columns = listing(report)
    said = same_in_all_rows(columns)
    first, *others = caption(said) or [""]
    title = Title(report.title(), [*report.caption(), *([f"in every row: {first}", *others] if said else [])])
    if title.parts or title.caption:
        yield title
    yield Grid([each.upright() for each in columns if each not in said], expendable=report.expendable)
    if report.closing:
        yield Line(report.closing)


def _sheet(report: Report) -> Iterator[Block]:
    if report.picture:
        yield Drawing(*report.picture)
    yield Facts(sheet(report))
    if report.details:
        yield Grid([column(field, [row[field] for row in report.details]).upright() for field in report.details[0]])


def _shown(grid: Grid, width: int | None) -> tuple[Sequence[Column], list[str]]:
    """Return the columns without those that there is no room for, and the fields of these."""
    columns: Sequence[Column] = grid.columns
    hidden: list[str] = []
    if width is not None and not _has_room(columns, width):
        columns = [each for each in columns if each.field not in grid.spare]
        hidden += grid.spare
    candidates = [name for name in grid.expendable if not _tells_apart(name, columns)]
    while width is not None and candidates and _least_width(columns, width) > width:
        if any(each.field == candidates[0] for each in columns):
            hidden.append(candidates[0])
            columns = [each for each in columns if each.field != candidates[0]]
        candidates.pop(0)
    return columns, hidden


def _has_room(columns: Sequence[Column], width: int) -> bool:
    """Whether a table fits without folding anything but prose."""
    return table_width(folded_prose([each for each in columns if not each.is_bar], width, GAP), GAP) <= width


def _least_width(columns: Sequence[Column], width: int) -> int:
    """Return how wide a table is with its texts folded, no name of them broken, and without bars, which need no room."""
    return table_width(folded_at_names([each for each in columns if not each.is_bar], width, GAP), GAP)


def _rows_as_facts(grid: Grid) -> Iterator[Facts]:
    """Yield the cells of each row below each other, beside their headings; a cell without a heading stands alone."""
    columns = [each for each in grid.columns if not each.is_bar]
    headings = [each.heading.replace("\n", " ") for each in columns]
    for cells in zip(*(each.cells for each in columns), strict=True):
        yield Facts(
            [(label or text, text if label else "") for label, text in zip(headings, cells, strict=True) if text]
        )


def _tells_apart(field: str, columns: Sequence[Column]) -> bool:
    """Whether a column names the subjects of the rows, and they differ."""
    return field in SUBJECTS and any(each.field == field and len(set(each.cells)) > 1 for each in columns)


def _fitted(columns: Sequence[Column], screen: Screen) -> list[Column]:
    """Return the columns with long texts folded, and bars in the room that is left."""
    texts = [each for each in columns if not each.is_bar]
    fitted = iter(folded_to(texts, screen.width, GAP))
    room = BAR_WIDTH if screen.width is None else min(BAR_WIDTH, screen.width - table_width(texts, GAP) - GAP)
    return [
        _bars(each, room, unicode=screen.unicode) if each.is_bar else next(fitted)
        for each in columns
        if not each.is_bar or room >= LEAST_BAR
    ]


def _bars(shares: Column, room: int, *, unicode: bool) -> Column:
    """Return a column of bars, the longest as wide as the room, or what stands for the whole."""
    numbers = [float(text or 0) for text in shares.cells]
    longest = max(shares.whole, *numbers) or 1
    cells = [_bar(round(8 * room * number / longest), unicode=unicode) for number in numbers]
    return shares._replace(cells=cells, style="bar")


def _bar(eighths: int, *, unicode: bool) -> str:
    if not unicode:
        return "#" * round(eighths / 8)
    return (FULL * (eighths // 8) + PARTS[eighths % 8]).rstrip()
