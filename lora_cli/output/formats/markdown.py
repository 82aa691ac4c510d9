"""Markdown tables, for an issue, a pull request or a model card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from lora_cli.output.columns import Column, listing
from lora_cli.output.format import READABLE_ROWS, Format
from lora_cli.output.people import sheet
from lora_cli.output.report import Report, Screen


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|") for cell in cells) + " |\n"


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write one table: one row per record, or one row per field if there is one record."""
    columns = listing(report) if report.listing else _sheet(report)
    stream.write(_line([each.field for each in columns]))
    stream.write(_line(["---:" if each.is_number else "---" for each in columns]))
    stream.writelines(map(_line, zip(*(each.cells for each in columns), strict=True)))


def _sheet(report: Report) -> list[Column]:
    labels, texts = zip(*sheet(report), strict=True)
    return [Column("", labels, field="field"), Column("", texts, field="value", is_number=True)]


FORMAT = Format(write, most_rows=READABLE_ROWS, takes_fields=True)
