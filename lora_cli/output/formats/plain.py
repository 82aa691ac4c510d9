"""Plain text for logs and pipes: aligned ASCII, every cell whole, however wide that gets."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.people import details, listing, sheet
from lora_cli.output.report import Report, Screen

GAP = "  "


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a line a record under a header, or a line a field where there is one record."""
    if report.listing:
        _write_rows([list(report.fields), *listing(report)], stream)
        return
    lines = sheet(report)
    width = max(len(label) for label, _ in lines)
    stream.writelines(f"{label:<{width}}{GAP}{text}\n" for label, text in lines)
    if report.details:
        fields, rows = details(report)
        stream.write("\n")
        _write_rows([fields, *rows], stream)
    if report.closing:
        stream.write(f"\n{report.closing}\n")


def _write_rows(rows: list[list[str]], stream: TextIO) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        stream.write(GAP.join([first, *rest]).rstrip() + "\n")
