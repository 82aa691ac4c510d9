"""How and where a report is shown: the options that every command has."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING, Annotated, NamedTuple, TextIO, TypeVar

import typer

from lora_cli.cli import streams
from lora_cli.cli.candidates import one_of
from lora_cli.cli.drawing import STDOUT, check_target, draw_file, draw_on_stdout
from lora_cli.cli.help_text import OUTPUT
from lora_cli.cli.single_options import given_twice
from lora_cli.cli.terminal import COLORS, Terminal, is_pipe, is_terminal
from lora_cli.errors import InvalidInput, argument, choices, quote, quote_long
from lora_cli.output import Report, field_writer, format_writer
from lora_cli.output.format import Format, Writer
from lora_cli.output.registry import (
    AUTO,
    ELSEWHERE,
    ENDINGS,
    JSON,
    NO_CONDITIONS,
    ON_TERMINAL,
    columns_writer,
    format_named,
    format_names,
    format_of_file,
    unknown_ending,
)
from lora_cli.output.report import Conditions, Location

if TYPE_CHECKING:
    from lora_cli.output.plots.plot import Plot

T = TypeVar("T")
# Marks an option that names what is read, in its annotation: `--output` replaces none of it.
INPUT = "input"


class Presentation(NamedTuple):
    """The options that every command has, declared here and nowhere else.

    A command takes a parameter of this type, and `registry` replaces it by one option for each field; `plot` only
    where there is something to draw. In help, `{formats}` becomes the names of the formats that the command has.
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
            help="Print only these fields, separated by commas, of those listed below: a line of raw values for each "
            "record, with tabs between, or the columns of csv, json, markdown or ndjson.",
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
    plot: Annotated[
        str | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw the answer into FILE, which ends in .svg, .png or .pdf; - draws it on standard output instead of the "
            "records.",
            rich_help_panel=OUTPUT,
        ),
    ] = None

    @property
    def has_parts(self) -> bool:
        """Whether the format shows lists beside the records, as JSON does."""
        return self._declared is not None and self._declared.has_parts

    @property
    def asked_fields(self) -> tuple[str, ...]:
        """The fields whose raw values are asked for."""
        return () if self.field is None else tuple(name.strip() for name in self.field.split(","))

    def writer(
        self,
        command: str,
        fields: Sequence[str],
        size: int = 1,
        *,
        judged: bool = False,
        conditions: Conditions = NO_CONDITIONS,
    ) -> Writer:
        """Return what writes a report of this kind, or refuse; this needs no figure of the report."""
        self._terminal()
        if self.output is not None:
            self._check_file_name(self.output)
            streams.check_output(self.output)
        if self.field is None:
            return format_writer(self._format(), size, command, judged=judged, file=self._format_file)
        raw = field_writer(self.asked_fields, command, fields, conditions)
        name = self._asked_format() or ELSEWHERE
        if name == ELSEWHERE:
            return raw
        write = format_writer(name, size, command, judged=judged, file=self._format_file)
        return columns_writer(name, write, self.asked_fields)

    def _check_file_name(self, path: str) -> None:
        """Refuse a file that has the name of a format, which was meant as one."""
        if path in format_names() and self._asked_format() is None:
            raise InvalidInput(
                f"{argument('output')}: {quote(path)} is the name of a format; did you mean --format {path}? For a file of that name "
                f"write ./{path}"
            )

    def without_value(self, conditions: Conditions) -> Iterator[str]:
        """Yield what to say of fields that are asked for and have no value without another option."""
        for name in self.asked_fields:
            if name in conditions.unknown:
                yield f"{argument('field')}: {name} has no value without {conditions.unknown[name]}"

    def write(self, report: Report, plot: Plot | None = None) -> None:
        """Write `report` and its plot; nothing is opened before the options are known to be right."""
        write = self.writer(
            report.command, report.fields, report.size, judged=report.judged, conditions=report.conditions
        )
        terminal = self._terminal()
        with ExitStack() as files:
            if plot is not None and self.plot is not None and self.plot != STDOUT:
                draw_file(plot, self.plot, files)
                # Whoever reads only the first records gets the whole plot.
                files.enter_context(suppress(BrokenPipeError))
            if not self._is_drawn_only:
                with self._target() as stream:
                    write(report, stream, terminal.screen(stream, is_terminal=self._to_terminal()))
            if plot is not None and self.plot == STDOUT:
                draw_on_stdout(plot, terminal)

    def check_plot(self) -> None:
        """Refuse a plot that cannot be drawn where it is wanted, before there is anything to draw."""
        if self.plot is not None:
            is_asked = self.field is not None or self._wanted_format() != AUTO
            check_target(self.plot, self.output, has_records=self.output is None and is_asked)

    @property
    def writes_file(self) -> bool:
        """Whether the records or the plot go into a file."""
        return self.output is not None or self.plot not in {None, STDOUT}

    @property
    def _is_drawn_only(self) -> bool:
        """Whether the plot takes the place of the records."""
        return self.plot == STDOUT and self.output is None

    def write_error(self, command: str, message: str, location: Location | None = None) -> bool:
        """Write why there is no report, if the format can, and return whether that is also all that stderr needs.

        `location` is the file that is wrong, where it is one of settings.

        A file that holds anything but an earlier report stays: the error may be that it is an input.
        """
        write = None if self._declared is None else self._declared.write_error
        if write is None:
            return False
        text = io.StringIO()
        write(command, message, location, text)
        if self.output is not None and streams.holds_other(self.output, text.getvalue()):
            return False
        with self._target() as stream:
            stream.write(text.getvalue())
        return self.is_log

    @property
    def has_errors(self) -> bool:
        """Whether the format shows what could not be read, so that a report is whole without its record."""
        return self._declared is not None and self._declared.write_error is not None

    @property
    def is_log(self) -> bool:
        """Whether a report goes where stderr is seen beside it, which then repeats nothing of it."""
        return self._declared is not None and self._declared.is_log and self.output is None

    @property
    def beside_stderr(self) -> bool:
        """Whether a table goes to the terminal that stderr goes to, which then repeats nothing of it."""
        is_table = self.field is None and self._format() == ON_TERMINAL
        return is_table and not self._is_drawn_only and self._to_terminal() and is_terminal(sys.stderr)

    def _target(self) -> AbstractContextManager[TextIO]:
        """Return the stream that the report goes to."""
        if self.output is not None:
            return streams.output_file(self.output)
        return streams.standard_output(None if self._declared is None else self._declared.encoding)

    def check_kept(self, sources: Iterable[object]) -> None:
        """Refuse to replace a file that the answer is read from. `sources` are the values of options that are inputs."""
        for option, path in (("--output", self.output), ("--plot", self.plot)):
            if path is not None and os.path.exists(path):
                _refuse_input(option, path, sources)

    @property
    def notes(self) -> list[str]:
        """What to say of the file that was written: an ending that names no format may have been meant as one."""
        if self.output is None or self.field is not None or self._wanted_format() != AUTO:
            return []
        if (ending := unknown_ending(self.output)) is None:
            return []
        known = ", ".join(ENDINGS)
        return [f"{quote_long(self.output)} is {self._format()}, because {quote(ending)} names no format; {known} do"]

    def tracked(self, work: str, parts: Iterable[T], total: int, /) -> Iterator[T]:
        """Yield `parts`, and show on a terminal how far the `work` is."""
        return self._terminal().tracked(work, parts, total)

    def counted(self, work: str, /) -> AbstractContextManager[Callable[[], None]]:
        """Let the caller count what it has tried of some `work`, and show that on a terminal."""
        return self._terminal().counted(work)

    def tracked_rows(self, work: str, rows: Iterable[T], total: int, /) -> Iterator[T]:
        """Yield `rows` like `tracked`, unless each is seen as it comes: that says how far the work is, and the bar cuts in.

        What reads a pipe may write to the terminal.
        """
        streams = self._declared is None or self._declared.most_rows is None
        seen = self._to_terminal() or (self.output is None and is_pipe(sys.stdout))
        return iter(rows) if streams and seen else self.tracked(work, rows, total)

    @property
    def _declared(self) -> Format | None:
        """The format, or None where it is not known or a field replaces it."""
        name = self._format()
        return format_named(name) if self.field is None and name in format_names() else None

    def _terminal(self) -> Terminal:
        """Return the terminal with the colours that the options ask for, or refuse."""
        if self.color not in COLORS:
            raise InvalidInput(f"--color: {quote(self.color)} is not known; {choices(self.color, COLORS)}")
        return Terminal(self.color)

    def _to_terminal(self) -> bool:
        """Return whether the report goes to a terminal."""
        return self.output is None and is_terminal(sys.stdout)

    def _format(self) -> str:
        """Return the name of the format, with `auto` resolved."""
        return self._asked_format() or (ON_TERMINAL if self._to_terminal() else ELSEWHERE)

    def _asked_format(self) -> str | None:
        """Return the name of the format that the options or the file's ending ask for, or None where neither does."""
        wanted = self._wanted_format()
        if wanted != AUTO:
            return wanted
        return None if self.output is None else format_of_file(self.output)

    @property
    def _format_file(self) -> str | None:
        """The file whose ending says the format, or None where an option does."""
        return self.output if self._wanted_format() == AUTO else None

    def _wanted_format(self) -> str:
        """Return the format that the options ask for, by its name or by `--json`."""
        if self.json and self.format is not None:
            raise given_twice("--format/--json", [self.format, JSON])
        return JSON if self.json else self.format or AUTO


def _refuse_input(option: str, path: str, sources: Iterable[object]) -> None:
    """Refuse a path that one of the sources is read from."""
    from lora_cli.models.sources.inputs import is_input

    for source in sources:
        if isinstance(source, list):
            _refuse_input(option, path, source)
        elif isinstance(source, str) and is_input(path, source):
            raise InvalidInput(f"{option}: {quote_long(path)} is an input of this command; give another FILE")
