"""Plain text for logs and pipes: aligned text that never cuts or wraps a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from lora_cli.output.columns import Column, column, listing
from lora_cli.output.format import READABLE_ROWS, Format
from lora_cli.output.people import sheet
from lora_cli.output.report import Report, Screen
from lora_cli.output.wrapping import screen_width

GAP = "  "


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a header and one line per record, or one line per field if there is one record; without any, nothing."""
    if report.listing:
        columns = listing(report)
        if columns[0].cells:
            _write_columns(columns, stream)
        return
    lines = sheet(report)
    width = max(len(label) for label, _ in lines)
    stream.writelines(f"{label:<{width}}{GAP}{text}\n" for label, text in lines)
    for rows in (report.details, report.findings):
        if rows:
            stream.write("\n")
            _write_columns([column(field, [row[field] for row in rows]) for field in rows[0]], stream)
    if report.closing:
        stream.write(f"\n{report.closing}\n")


def _write_columns(columns: Sequence[Column], stream: TextIO) -> None:
    """Write columns side by side, texts from their left edge on and numbers up to their right one.

    Numbers have no space in them, as awk and column take each for a column.
    """
    padded = [_padded(each) for each in columns]
    stream.writelines(GAP.join(cells).rstrip() + "\n" for cells in zip(*padded, strict=True))


def _padded(each: Column) -> list[str]:
    cells = [cell.replace(" ", "") for cell in each.cells] if each.is_number else each.cells
    texts = (each.field, *cells)
    width = max(map(screen_width, texts))
    padded = ((text, " " * (width - screen_width(text))) for text in texts)
    return [space + text if each.is_number else text + space for text, space in padded]


FORMAT = Format(write, most_rows=READABLE_ROWS)
