"""Markdown tables, for an issue, a pull request or a model card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from lora_cli.output.people import listing, sheet
from lora_cli.output.report import Report, Screen


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|") for cell in cells) + " |\n"


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write one table: a row a record, or a row a field where there is one record."""
    header, rows = (report.fields, listing(report)) if report.listing else (("field", "value"), sheet(report))
    stream.write(_line(header))
    stream.write(_line(["---", *["---:"] * (len(header) - 1)]))
    stream.writelines(map(_line, rows))
