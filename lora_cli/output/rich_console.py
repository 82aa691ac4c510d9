"""Tables and progress bars on a terminal. No other file knows Rich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lora_cli.errors import argument
from lora_cli.output.people import HIGHLIGHTS, SUBJECTS, details, findings, heading, listing, sheet
from lora_cli.output.picture import Picture, draw
from lora_cli.output.report import Report, Screen

T = TypeVar("T")

UNLIMITED = 10_000
BOLD = frozenset(map(heading, HIGHLIGHTS))
STYLES = {"W": "blue", "A": "green", "B": "magenta", "": ""}
# Texts that a column of numbers may hold instead of a number.
UNKNOWN = ("", "none", "unknown")


class _Console(Console):
    """A console that leaves it to the program what a closed pipe means: Rich would end the program with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Raise the error that Rich is handling."""
        raise  # noqa: PLE0704


def _console(stream: TextIO, screen: Screen, width: int | None, *, terminal: bool) -> Console:
    return _Console(
        file=stream,
        width=width,
        force_terminal=terminal,
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _sheet(report: Report) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column("field", style="dim")
    table.add_column("value", justify="right")
    for label, text in sheet(report):
        table.add_row(Text(label), Text(text, "bold" if label in BOLD else ""))
    return table


def _listing(fields: list[str], hidden: list[str], rows: list[list[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    kept = [position for position, field in enumerate(fields) if field not in hidden]
    for position in kept:
        known = [row[position] for row in rows if row[position] not in UNKNOWN]
        numbers = bool(known) and all(text.lstrip("-")[:1].isdigit() for text in known)
        title = Text(heading(fields[position]).replace(" ", "\n"))
        table.add_column(title, justify="right" if numbers else "left", vertical="bottom")
    for row in rows:
        table.add_row(*(Text(row[position]) for position in kept))
    return table


def _texts(fields: list[str], rows: list[list[str]]) -> Table:
    """Return a table whose columns are texts, also where these begin with a number."""
    table = Table(*fields, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _print_listing(console: Console, report: Report, width: int | None) -> None:
    """Print the listing with as many columns as fit; a hidden column is named, and no column is cut."""
    fields, rows = list(report.fields), listing(report)
    hidden: list[str] = []
    table = _listing(fields, hidden, rows)
    candidates = [name for name in report.expendable if name in fields and not _tells_apart(name, fields, rows)]
    while candidates and not _fits(console, table, width):
        hidden.append(candidates.pop(0))
        table = _listing(fields, hidden, rows)
    console.print(table)
    if hidden:
        console.print(
            Text(f"No room for {', '.join(hidden)}: {argument('format')} csv shows all columns.", "dim"), width=width
        )


def _tells_apart(field: str, fields: list[str], rows: list[list[str]]) -> bool:
    """Whether a column names the subjects of the rows, and they differ."""
    return field in SUBJECTS and len({row[fields.index(field)] for row in rows}) > 1


def _fits(console: Console, table: Table, width: int | None) -> bool:
    return width is None or console.measure(table).maximum <= width


def _picture(picture: Picture) -> Text:
    text = Text("\n")
    for line in picture.lines:
        for segment, part in line:
            text.append(segment, STYLES[part])
        text.append("\n")
    if not picture.to_scale:
        text.append("\nThe thinnest part is drawn thicker than it is.", "dim")
    return text


def print_report(report: Report, stream: TextIO, screen: Screen) -> None:
    """Print a table, and the picture beside it or, on a narrow screen, under it."""
    # Rich would cut numbers to fit the width; a terminal breaks the line instead.
    console = _console(stream, screen, UNLIMITED, terminal=screen.color)
    if report.listing:
        _print_listing(console, report, screen.width)
        return
    table = _sheet(report)
    if report.picture is None:
        console.print(table)
        if report.details:
            fields, rows = details(report)
            console.print(_listing(fields, [], rows))
        if report.findings:
            console.print(_texts(list(report.findings[0]), findings(report)))
        if report.closing:
            console.print(Text(f" {report.closing}\n"))
        return
    picture = _picture(draw(*report.picture, unicode=screen.unicode))
    beside = Table.grid(padding=(0, 4))
    beside.add_row(table, picture)
    if _fits(console, beside, screen.width):
        console.print(beside)
    else:
        console.print(table, picture, sep="")


def progress(parts: Iterable[T], done: int, total: int, stream: TextIO, screen: Screen) -> Iterator[T]:
    """Yield the remaining parts under a progress bar, which disappears at the end."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console(stream, screen, screen.width, terminal=True), transient=True) as bar:
        task = bar.add_task("", total=total, completed=done)
        for part in parts:
            yield part
            bar.advance(task)
