"""What an output format declares. A format is one file in `formats`, which has a `FORMAT`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TextIO

from lora_cli.output.report import Location, Report, Screen

# Formats for people align their columns, for which they hold all rows; people do not read more than this.
READABLE_ROWS = 5_000

Writer = Callable[[Report, TextIO, Screen], None]
# Writes the name of a command, why there is no report of it, and the file that is wrong if it is known, to a stream.
ErrorWriter = Callable[[str, str, Location | None, TextIO], None]


class Format(NamedTuple):
    """An output format; its name is that of its file.

    `write` writes a report to a stream. `most_rows` is a limit on the rows of a report; formats that stream have none.
    `has_parts` says that the format shows the lists of a report beside its records, `judged_only` that it shows only
    verdicts, and `takes_fields` that it can show some fields only. `note` is a word on it in the help of `--format`. `write_error` writes an error where a report would be; a
    format that has it shows the troubles of a report, too.
    `is_log` says that its readers see stderr beside it, where nothing of it has to be repeated. `encoding` is what
    they read, whatever the locale is.
    """

    write: Writer
    most_rows: int | None = None
    has_parts: bool = False
    judged_only: bool = False
    takes_fields: bool = False
    note: str | None = None
    write_error: ErrorWriter | None = None
    is_log: bool = False
    encoding: str | None = None
