"""The formats by name. A format's module is imported when it is asked for, and only then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TextIO, cast

from lora_cli.errors import InvalidInput, quote
from lora_cli.output.report import Report, Screen

FORMATS = {
    "table": "lora_cli.output.formats.table",
    "plain": "lora_cli.output.formats.plain",
    "json": "lora_cli.output.formats.json",
    "ndjson": "lora_cli.output.formats.ndjson",
    "csv": "lora_cli.output.formats.csv",
    "markdown": "lora_cli.output.formats.markdown",
}
# What CI systems read: verdicts, which other commands have none of.
JUDGE = "check"
JUDGES_FORMATS = {"github": "lora_cli.output.formats.github", "junit": "lora_cli.output.formats.junit"}
# Formats for people line their columns up, which needs all rows at once; nobody reads more.
PEOPLES_FORMATS = ("table", "plain", "markdown")
PEOPLES_ROWS = 5_000

Writer = Callable[[Report, TextIO, Screen], None]


def format_writer(name: str, size: int, command: str = "") -> Writer:
    """Return what writes a report of `size` records of `command` in the format called `name`, or refuse."""
    formats = {**FORMATS, **JUDGES_FORMATS} if command == JUDGE else FORMATS
    if name not in formats:
        problem = f"is a format of {JUDGE} alone" if name in JUDGES_FORMATS else "is not known"
        raise InvalidInput(f"--format: {quote(name)} {problem}; choose from: auto, {', '.join(formats)}")
    if name in PEOPLES_FORMATS and size > PEOPLES_ROWS:
        raise InvalidInput(
            f"{size:,} rows are too many for --format {name}, which takes {PEOPLES_ROWS:,}; "
            "use --format csv or ndjson, which stream"
        )
    return cast(Writer, import_module(formats[name]).write)


def field_writer(name: str, command: str, fields: Sequence[str]) -> Writer:
    """Return what writes the raw values of one field alone, one line a record."""
    if name not in fields:
        raise InvalidInput(f"--field: {quote(name)} is no field of {command}; choose from: {', '.join(fields)}")
    from lora_cli.output.formats.raw import field_values

    return field_values(name)
