"""How and where to show a report: the four options that every command has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from lora_cli.cli import streams
from lora_cli.errors import InvalidInput, quote_long
from lora_cli.output import Report
from lora_cli.output.registry import Writer, field_writer, format_writer

T = TypeVar("T")


class Show(NamedTuple):
    """The options as they were given."""

    format: str
    field: str | None
    output: str | None
    color: str

    def writer(self, command: str, fields: Sequence[str], size: int = 1) -> Writer:
        """Return what writes a report of this kind, or refuse: this needs no figure of the report."""
        streams.wants_color(self.color, to_terminal=False)
        if self.output is not None:
            streams.check_output(self.output)
        if self.field is None:
            return format_writer(self._format(), size, command)
        if self.format != "auto":
            raise InvalidInput("--field prints a raw value alone; leave out --format")
        return field_writer(self.field, command, fields)

    def write(self, report: Report) -> None:
        """Write `report` as asked; nothing is opened before the options are known to be right."""
        write = self.writer(report.command, report.fields, report.size)
        colored = streams.wants_color(self.color, self._to_terminal())
        if self.output is not None:
            self._check_kept(self.output)
        opened = streams.standard_output() if self.output is None else streams.output_file(self.output)
        with opened as stream:
            write(report, stream, streams.screen(stream, self._to_terminal(), colored))

    def _check_kept(self, output: str) -> None:
        """Refuse to replace what the answer was read from."""
        # Whoever has read a file has this module already; nobody else writes over one.
        from lora_cli.models.files import was_read

        if was_read(output):
            raise InvalidInput(f"--output: {quote_long(output)} is what this was read from; give another FILE")

    def tracked(self, parts: Iterable[T], total: int, /) -> Iterator[T]:
        """Yield `parts`, and show on a terminal how far they are."""
        return streams.tracked(parts, total, streams.wants_color(self.color, to_terminal=True))

    def _to_terminal(self) -> bool:
        return self.output is None and streams.is_terminal()

    def _format(self) -> str:
        if self.format != "auto":
            return self.format
        return "table" if self._to_terminal() else "plain"
