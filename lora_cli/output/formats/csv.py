"""CSV as in RFC 4180, but with `\\n` line ends, which Unix tools expect."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.format import Format
from lora_cli.output.report import Report, Screen, raw_text
from lora_cli.quantities import Value


def _cell(value: Value) -> str:
    text = raw_text(value)
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a header, then one line per record."""
    stream.write(",".join(report.fields) + "\n")
    pieces = ["", *[","] * (len(report.fields) - 1), "\n"]
    for text in report.texts(pieces, _cell):
        stream.write(text)
        stream.flush()


FORMAT = Format(write, takes_fields=True)
