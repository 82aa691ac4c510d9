"""Markdown tables, for an issue, a pull request or a model card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from lora_cli.output.format import READABLE_ROWS, Format
from lora_cli.output.people import listing, sheet
from lora_cli.output.report import Report, Screen


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|") for cell in cells) + " |\n"


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write one table: one row per record, or one row per field if there is one record."""
    header, rows = (report.fields, listing(report)) if report.listing else (("field", "value"), sheet(report))
    stream.write(_line(header))
    stream.write(_line(["---", *["---:"] * (len(header) - 1)]))
    stream.writelines(map(_line, rows))


FORMAT = Format(write, most_rows=READABLE_ROWS)
