"""Plain text for logs and pipes: aligned text that never cuts or wraps a cell."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.format import READABLE_ROWS, Format
from lora_cli.output.people import details, findings, listing, sheet
from lora_cli.output.report import Report, Screen

GAP = "  "


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a header and one line per record, or one line per field if there is one record."""
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
    if report.findings:
        stream.write("\n")
        _write_texts([list(report.findings[0]), *findings(report)], stream)
    if report.closing:
        stream.write(f"\n{report.closing}\n")


def _write_rows(rows: list[list[str]], stream: TextIO) -> None:
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *rest = [" " * (width - _columns(text)) for text, width in zip(row, widths, strict=True)]
        cells = [row[0] + first, *(space + text for space, text in zip(rest, row[1:], strict=True))]
        stream.write(GAP.join(cells).rstrip() + "\n")


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: Chinese characters take two, accents of their own none.

    >>> _columns("qwen"), _columns("模型"), _columns("e\u0301")
    (4, 4, 1)
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def _write_texts(rows: list[list[str]], stream: TextIO) -> None:
    """Write rows of texts, each column from its left edge on."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    stream.writelines(
        GAP.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


FORMAT = Format(write, most_rows=READABLE_ROWS)
