"""CSV as RFC 4180 has it, but with `\\n` line ends, which is what tools on Unix expect."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.report import Report, Screen, raw_text
from lora_cli.quantities import Value


def _cell(value: Value) -> str:
    text = raw_text(value)
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a header and a line a record."""
    stream.write(",".join(report.fields) + "\n")
    pieces = ["", *[","] * (len(report.fields) - 1), "\n"]
    for text in report.texts(pieces, _cell):
        stream.write(text)
        stream.flush()
