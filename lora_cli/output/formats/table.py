"""Tables for a terminal, and progress bars: the one place that knows Rich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lora_cli.output.people import details, heading, listing, sheet
from lora_cli.output.picture import Picture, draw
from lora_cli.output.report import Report, Screen

T = TypeVar("T")

UNLIMITED = 10_000
HIGHLIGHTS = ("trainable params", "percent saved")
STYLES = {"W": "blue", "A": "green", "B": "magenta", "": ""}
# What stands in a column of numbers where there is none.
UNKNOWN = ("", "none", "unknown")
# What a narrow terminal can do without first: it follows from the columns that stay.
EXPENDABLE = (
    "title",
    "arxiv",
    "supports",
    "formula",
    "all_params",
    "trainable_percent",
    "break_even_rank",
    "percent_of_full",
    "adapter_bytes",
    "method",
    "reduction_factor",
    "full_params",
)
# And of reports that have a field: of a fit the size and the figures that it is judged by stay, of adapters their ranks.
MORE_EXPENDABLE = {
    "next_size": (*EXPENDABLE, "percent_saved", "limit", "budget", "model", "adapted_modules", "r", "next_size"),
    "adapter": (
        "expected_bytes",
        "base_model",
        "expected_params",
        "alpha",
        "scaling",
        "dtype",
        "adapter",
        *EXPENDABLE,
        "d",
        "h",
    ),
}


def _console(stream: TextIO, screen: Screen, width: int | None, *, terminal: bool) -> Console:
    return Console(
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
        table.add_row(Text(label), Text(text, "bold" if label in HIGHLIGHTS else ""))
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


def _print_listing(console: Console, report: Report, width: int | None) -> None:
    """Print the listing with as many columns as fit: a column is hidden, and said to be, but never cut."""
    fields, rows = list(report.fields), listing(report)
    hidden: list[str] = []
    table = _listing(fields, hidden, rows)
    expendable = next((more for field, more in MORE_EXPENDABLE.items() if field in fields), EXPENDABLE)
    for field in (field for field in expendable if field in fields and not _tells_apart(field, fields, rows)):
        if _fits(console, table, width):
            break
        hidden.append(field)
        table = _listing(fields, hidden, rows)
    console.print(table)
    if hidden:
        console.print(Text(f"No room for {', '.join(hidden)}: --format csv has all.", "dim"), width=width)


def _tells_apart(field: str, fields: list[str], rows: list[list[str]]) -> bool:
    """Whether a column names what the rows are of, and they are not all of the same."""
    return field in {"method", "model", "adapter"} and len({row[fields.index(field)] for row in rows}) > 1


def _fits(console: Console, table: Table, width: int | None) -> bool:
    return width is None or console.measure(table).maximum <= width


def _picture(picture: Picture) -> Text:
    text = Text("\n")
    for line in picture.lines:
        for segment, part in line:
            text.append(segment, STYLES[part])
        text.append("\n")
    if not picture.to_scale:
        text.append("\nThe thinnest is drawn thicker than it is.", "dim")
    return text


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a table, and beside or under it the picture, as the width allows."""
    # Everything is printed as wide as it is: Rich would cut numbers to fit, a terminal breaks the line.
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
    """Yield the parts that are left under a progress bar, which vanishes at the end."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console(stream, screen, screen.width, terminal=True), transient=True) as bar:
        task = bar.add_task("", total=total, completed=done)
        for part in parts:
            yield part
            bar.advance(task)
