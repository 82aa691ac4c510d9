"""The formats by name. A format's module is imported when it is asked for, and only then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TextIO, cast

from lora_cli.errors import InvalidInput, quote
from lora_cli.output.report import Report, Screen

FORMATS = {
    "table": "lora_cli.output.terminal",
    "plain": "lora_cli.output.plain",
    "json": "lora_cli.output.json",
    "ndjson": "lora_cli.output.ndjson",
    "csv": "lora_cli.output.csv",
    "markdown": "lora_cli.output.markdown",
}
# Formats for people line their columns up, which needs all rows at once; nobody reads more.
PEOPLES_FORMATS = ("table", "plain", "markdown")
PEOPLES_ROWS = 5_000

Writer = Callable[[Report, TextIO, Screen], None]


def format_writer(name: str, size: int) -> Writer:
    """Return what writes a report of `size` records in the format called `name`, or refuse."""
    if name not in FORMATS:
        raise InvalidInput(f"--format: {quote(name)} is not known; choose from: auto, {', '.join(FORMATS)}")
    if name in PEOPLES_FORMATS and size > PEOPLES_ROWS:
        raise InvalidInput(
            f"{size:,} rows are too many for --format {name}, which takes {PEOPLES_ROWS:,}; "
            "use --format csv or ndjson, which stream"
        )
    return cast(Writer, import_module(FORMATS[name]).write)


def field_writer(name: str, command: str, fields: Sequence[str]) -> Writer:
    """Return what writes the raw values of one field alone, one line a record."""
    if name not in fields:
        raise InvalidInput(f"--field: {quote(name)} is no field of {command}; choose from: {', '.join(fields)}")
    from lora_cli.output.raw import field_values

    return field_values(name)
