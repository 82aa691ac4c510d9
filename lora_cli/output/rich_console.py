"""Tables and progress bars on a terminal. No other file knows Rich."""

from __future__ import annotations

import os
from collections.abc import Sequence
from textwrap import indent
from typing import TextIO

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from lora_cli.errors import printable
from lora_cli.output.blocks import ARROW, Block, Drawing, Entry, Facts, Grid, Line, Title, in_ascii
from lora_cli.output.columns import LEAST_FOLDED
from lora_cli.output.layout import GAP, blocks
from lora_cli.output.picture import COLUMNS, LINES, draw
from lora_cli.output.report import Report, Screen
from lora_cli.output.wrapping import fold, packed, screen_width, wrapped

UNLIMITED = 10_000
SEPARATOR = " · "
STYLES = {
    "strong": "bold",
    "dim": "dim",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "bar": "cyan",
    "W": "bright_blue",
    "A": "green",
    "B": "magenta",
    "": "",
}
# A rule below the headings and above a sum, and nothing else.
RULES = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
ASCII_RULES = Box("    \n    \n -- \n    \n -- \n    \n    \n    \n", ascii=True)
# A picture narrower than this shows nothing; a terminal has this many lines, and one is the prompt's.
LEAST_PICTURE, LEAST_LINES, TERMINAL_LINES = 14, 6, 24


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
        # The screen has its sizes, and Rich reads these without asking whether they are numbers that it can hold.
        _environ={name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")},
    )


def print_report(report: Report, stream: TextIO, screen: Screen) -> None:
    """Print the blocks of a report, with a blank line between them, and a picture beside or below what it shows."""
    # Rich would cut numbers to fit the width; a terminal breaks the line instead.
    console = _console(stream, screen, UNLIMITED, terminal=screen.color)
    shown: list[RenderableType] = []
    drawing: Drawing | None = None
    beside = 0
    for block in blocks(report, screen):
        if isinstance(block, Drawing):
            drawing, beside = block, len(shown)
        else:
            shown += [_rendered(block, screen), Text("")]
    if drawing is not None:
        shown[beside:] = [_with_picture(shown[beside:], drawing, console, screen)]
    with console.capture() as capture:
        console.print(Group(*_without_last_blank(shown)))
    stream.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _without_last_blank(shown: Sequence[RenderableType]) -> Sequence[RenderableType]:
    return shown[:-1] if shown and isinstance(shown[-1], Text) and not shown[-1].plain else shown


def _rendered(block: Block, screen: Screen) -> RenderableType:
    if isinstance(block, Title):
        return _title(block, screen)
    if isinstance(block, Line):
        return _text(wrapped(printable(block.text), screen.width), block.style, screen)
    if isinstance(block, Entry):
        return _entry(block, screen)
    if isinstance(block, Facts):
        return _facts(block, screen)
    assert isinstance(block, Grid)
    return _grid(block, screen)


def _title(title: Title, screen: Screen) -> Text:
    lines = [
        _text(packed(map(printable, parts), SEPARATOR, screen.width), style, screen)
        for parts, style in ((title.parts, "strong"), (title.caption, "dim"))
        if parts
    ]
    return Text("\n").join(lines)


def _entry(entry: Entry, screen: Screen) -> Text:
    lines = [_text(wrapped(printable(entry.name), screen.width), entry.style, screen)]
    room = None if screen.width is None else screen.width - GAP
    for sentence in entry.sentences:
        hang = len(ARROW) if sentence.startswith(ARROW) else 0
        lines.append(_text(indent(wrapped(printable(sentence), room, hang), " " * GAP), "", screen))
    return Text("\n").join(lines)


def _text(text: str, style: str, screen: Screen) -> Text:
    return Text(text if screen.unicode else in_ascii(text), STYLES[style])


def _facts(block: Facts, screen: Screen) -> RenderableType:
    """Return labels with their values beside them, or below them where there is no room for that."""
    labels, values = (max(map(screen_width, texts), default=0) for texts in zip(*block.rows, strict=True))
    room = None if screen.width is None else screen.width - labels - GAP
    if room is not None and room < min(values, LEAST_FOLDED):
        lines = [
            _text(text, style, screen)
            for label, value in block.rows
            for text, style in ((label, "dim"), (f"{' ' * GAP}{value}", ""))
            if text.strip()
        ]
        return Text("\n").join(lines)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, GAP, 0, 0))
    for label, value in block.rows:
        shown = value if room is None else fold(value, room)
        table.add_row(_text(label, "dim", screen), _text(shown, "", screen))
    return table


def _grid(block: Grid, screen: Screen) -> Table:
    box = RULES if screen.unicode else ASCII_RULES
    table = Table(
        box=box, show_edge=False, pad_edge=False, collapse_padding=True, header_style="dim", border_style="dim"
    )
    height = max(each.heading.count("\n") for each in block.columns)
    for each in block.columns:
        lowered = "\n" * (height - each.heading.count("\n")) + each.heading
        table.add_column(_text(lowered, "", screen), justify="right" if each.is_number else "left", no_wrap=True)
    for at, cells in enumerate(zip(*(each.cells for each in block.columns), strict=True)):
        row_style = block.styles[at] if block.styles else ""
        is_last = at == len(block.columns[0].cells) - 1
        if block.has_total and is_last:
            table.add_section()
        table.add_row(
            *(_text(text, each.style or row_style, screen) for text, each in zip(cells, block.columns, strict=True))
        )
    return table


def _with_picture(
    shown: Sequence[RenderableType], drawing: Drawing, console: Console, screen: Screen
) -> RenderableType:
    """Return what is shown with the picture on its right, or below where there is no room for that."""
    left = Group(*_without_last_blank(shown))
    width = console.measure(left).maximum
    room = COLUMNS if screen.width is None else min(COLUMNS, screen.width - width - 2 * GAP)
    lines = len(console.render_lines(left, console.options.update(width=UNLIMITED), pad=False))
    if room >= LEAST_PICTURE:
        table = Table.grid(padding=(0, 2 * GAP, 0, 0))
        table.add_row(left, _picture(drawing, room, max(LINES, lines), screen))
        return table
    below = max(LEAST_LINES, TERMINAL_LINES - lines - 4)
    columns = COLUMNS if screen.width is None else max(1, min(COLUMNS, screen.width))
    return Group(left, Text(""), _picture(drawing, columns, below, screen))


def _picture(drawing: Drawing, columns: int, lines: int, screen: Screen) -> Text:
    picture = draw(*drawing, unicode=screen.unicode, columns=columns, lines=lines)
    text = Text()
    for number, line in enumerate(picture.lines):
        text.append("\n" * bool(number))
        for segment, part in line:
            text.append(segment, STYLES[part])
    if not picture.to_scale:
        said = "The thinnest part is drawn thicker than it is."
        text.append("\n\n" + (said if screen.width is None else fold(said, columns)), "dim")
    return text


def _progress_columns(total: int | None) -> Sequence[ProgressColumn]:
    work, bar, elapsed = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    if total is None:
        return (work, bar, TextColumn("{task.completed:,}"), elapsed)
    return (work, bar, MofNCompleteColumn(), elapsed, TimeRemainingColumn())


class ProgressBar:
    """A bar that says what `work` it is and how far that is, and disappears at the end.

    Where nobody knows how much there is, it says how much is done. A terminal that cannot move its cursor gets a line for
    each tenth of the work instead, or one for every ten parts.
    """

    def __init__(self, work: str, done: int, total: int | None, stream: TextIO, screen: Screen) -> None:
        console = _console(stream, screen, screen.width, terminal=True)
        self._bar = Progress(*_progress_columns(total), console=console, transient=True)
        self._task = self._bar.add_task(work, total=total, completed=done)
        self._moves = not console.is_dumb_terminal
        if self._moves:
            self._bar.start()
        else:
            self._line()

    def advance(self) -> None:
        """Say that one more part is done."""
        before = self._tenths()
        self._bar.advance(self._task)
        if not self._moves and self._tenths() != before:
            self._line()

    def _tenths(self) -> int:
        task = self._bar.tasks[0]
        return int(task.completed // 10 if task.total is None else 10 * task.completed // (task.total or 1))

    def _line(self) -> None:
        task = self._bar.tasks[0]
        of = "" if task.total is None else f" of {int(task.total):,}"
        self._bar.console.print(f"{task.description}: {int(task.completed):,}{of}")

    def stop(self) -> None:
        """Remove the bar."""
        if self._moves:
            self._bar.stop()
