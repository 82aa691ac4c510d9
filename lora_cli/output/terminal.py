"""Tables for a terminal, and progress bars: the one place that knows Rich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lora_cli.output.people import heading, listing, sheet
from lora_cli.output.picture import Picture, draw
from lora_cli.output.report import Report, Screen

T = TypeVar("T")

# Rich cuts numbers silently where it thinks there is no room, so without a limit there is plenty.
UNLIMITED = 10_000
STYLES = {"W": "blue", "A": "green", "B": "magenta", "": ""}
# What a narrow terminal can do without first: it follows from the columns that stay.
EXPENDABLE = (
    "all_params",
    "trainable_percent",
    "break_even_rank",
    "percent_of_full",
    "adapter_bytes",
    "method",
    "reduction_factor",
    "full_params",
)


def _console(stream: TextIO, screen: Screen) -> Console:
    return Console(
        file=stream,
        width=screen.width or UNLIMITED,
        force_terminal=screen.color,
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _sheet(report: Report) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column("field", style="dim", no_wrap=True)
    table.add_column("value", justify="right", overflow="fold")
    for label, text in sheet(report):
        style = "bold" if label in ("trainable params", "percent saved") else ""
        table.add_row(Text(label), Text(text, style))
    return table


def _listing(fields: list[str], kept: list[str], rows: list[list[str]]) -> Table:
    hidden = [field for field in fields if field not in kept]
    caption = f"too narrow for {', '.join(hidden)}; --format csv has all" if hidden else None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=caption, caption_justify="left")
    for field in kept:
        words = all(not row[fields.index(field)][:1].isdigit() for row in rows)
        table.add_column(heading(field), justify="left" if words else "right", vertical="bottom", no_wrap=False)
    for row in rows:
        table.add_row(*(Text(row[fields.index(field)], no_wrap=True) for field in kept))
    return table


def _fitting(console: Console, report: Report) -> Table:
    """Return the listing with as many columns as fit: a number is hidden, never cut."""
    fields, rows = list(report.fields), listing(report)
    kept, expendable = fields, [field for field in EXPENDABLE if field in fields]
    while True:
        table = _listing(fields, kept, rows)
        table.caption, caption = None, table.caption
        if not expendable or console.measure(table).minimum <= console.width:
            table.caption = caption
            return table
        kept = [field for field in kept if field != expendable[0]]
        expendable = expendable[1:]


def _picture(picture: Picture, d: int, h: int, r: int) -> Text:
    text = Text("\n", no_wrap=True, end="")
    for line in picture.lines:
        for segment, part in line:
            text.append(segment, STYLES[part])
        text.append("\n")
    text.append("\n")
    for part, shape in (("W", f"{d} x {h}"), ("A", f"{r} x {d}"), ("B", f"{r} x {h}")):
        text.append(f"{part} ", STYLES[part])
        text.append(f"{shape}  ", "dim")
    if not picture.to_scale:
        text.append("\n(thinner in truth)", "dim")
    return text


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a table, and beside or under it the picture, as the width allows."""
    console = _console(stream, screen)
    if report.listing:
        console.print(_fitting(console, report))
        return
    table: RenderableType = _sheet(report)
    if report.picture is None:
        console.print(table)
        return
    picture = _picture(draw(*report.picture, unicode=screen.unicode), *report.picture)
    beside = Table.grid(padding=(0, 4))
    beside.add_row(table, picture)
    if console.measure(beside).minimum <= console.width:
        console.print(beside)
    else:
        console.print(table, picture, sep="")


def progress(parts: Iterable[T], done: int, total: int, stream: TextIO, screen: Screen) -> Iterator[T]:
    """Yield the parts that are left under a progress bar, which vanishes at the end."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console(stream, screen), transient=True) as bar:
        task = bar.add_task("", total=total, completed=done)
        for part in parts:
            yield part
            bar.advance(task)
