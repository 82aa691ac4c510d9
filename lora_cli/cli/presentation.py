"""How and where a report is shown: the options that every command has."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, NamedTuple, TypeVar

import typer

from lora_cli.cli import streams
from lora_cli.cli.candidates import one_of
from lora_cli.cli.help_text import OUTPUT
from lora_cli.cli.single_options import given_twice
from lora_cli.cli.terminal import COLORS, Terminal, is_terminal
from lora_cli.errors import InvalidInput, choices, quote, quote_long
from lora_cli.output import Report, field_writer, format_writer
from lora_cli.output.format import Writer
from lora_cli.output.registry import AUTO, ELSEWHERE, JSON, ON_TERMINAL, format_named, format_names, format_of_file

T = TypeVar("T")
# Marks an option that names what is read, in its annotation: `--output` replaces none of it.
INPUT = "input"


class Presentation(NamedTuple):
    """The options that every command has, declared here and nowhere else.

    A command takes a parameter of this type, and `registry` replaces it by one option for each field.
    In help, `{formats}` becomes the names of the formats that the command has.
    """

    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Output format: {formats}; auto is table on a terminal and plain elsewhere.  [default: auto]",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.", rich_help_panel=OUTPUT)] = False
    field: Annotated[
        str | None,
        typer.Option(
            "--field",
            metavar="NAMES",
            help="Print only the raw value of this field, a line for each record; several, e.g. r,d, with tabs between.",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=lambda path: None if path == "-" else path,
            help="Write to FILE, whole or not at all, in the format of its ending, e.g. .csv; - is standard output.",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    color: Annotated[
        str,
        typer.Option(
            "--color",
            metavar="WHEN",
            help=f"When to use colour: {', '.join(COLORS)}.",
            autocompletion=one_of(COLORS),
            rich_help_panel=OUTPUT,
        ),
    ] = COLORS[0]

    @property
    def has_parts(self) -> bool:
        """Whether the format shows lists beside the records, as JSON does."""
        name = self._format()
        return name in format_names() and format_named(name).has_parts

    def writer(self, command: str, fields: Sequence[str], size: int = 1, *, judged: bool = False) -> Writer:
        """Return what writes a report of this kind, or refuse; this needs no figure of the report."""
        self._terminal()
        if self.output is not None:
            streams.check_output(self.output)
        if self.field is None:
            return format_writer(self._format(), size, command, judged=judged)
        if self._wanted_format() != AUTO:
            raise InvalidInput("--field prints only raw values; drop --format and --json")
        return field_writer(self.field, command, fields)

    def write(self, report: Report) -> None:
        """Write `report`; nothing is opened before the options are known to be right."""
        write = self.writer(report.command, report.fields, report.size, judged=report.judged)
        terminal = self._terminal()
        target = streams.standard_output() if self.output is None else streams.output_file(self.output)
        with target as stream:
            write(report, stream, terminal.screen(stream, is_terminal=self._to_terminal()))

    def check_kept(self, sources: Iterable[object]) -> None:
        """Refuse to replace a file that the answer is read from. `sources` are the values of options that are inputs."""
        if self.output is None or not os.path.exists(self.output):
            return
        from lora_cli.models.sources.inputs import is_input

        for source in sources:
            if isinstance(source, list):
                self.check_kept(source)
            elif isinstance(source, str) and is_input(self.output, source):
                raise InvalidInput(
                    f"--output: {quote_long(self.output)} is an input of this command; give another FILE"
                )

    def tracked(self, work: str, parts: Iterable[T], total: int, /) -> Iterator[T]:
        """Yield `parts`, and show on a terminal how far the `work` is."""
        return self._terminal().tracked(work, parts, total)

    def _terminal(self) -> Terminal:
        """Return the terminal with the colours that the options ask for, or refuse."""
        if self.color not in COLORS:
            raise InvalidInput(f"--color: {quote(self.color)} is not known; {choices(self.color, COLORS)}")
        return Terminal(self.color)

    def _to_terminal(self) -> bool:
        """Return whether the report goes to a terminal."""
        return self.output is None and is_terminal()

    def _format(self) -> str:
        """Return the name of the format, with `auto` resolved."""
        wanted = self._wanted_format()
        if wanted != AUTO:
            return wanted
        by_name = None if self.output is None else format_of_file(self.output)
        if by_name is not None:
            return by_name
        return ON_TERMINAL if self._to_terminal() else ELSEWHERE

    def _wanted_format(self) -> str:
        """Return the format that the options ask for, by its name or by `--json`."""
        if self.json and self.format is not None:
            raise given_twice("--format/--json", [self.format, JSON])
        return JSON if self.json else self.format or AUTO
