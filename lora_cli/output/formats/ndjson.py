"""NDJSON: one JSON object per line, each written as soon as it is known."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.format import Format
from lora_cli.output.json_text import json_text, object_pieces
from lora_cli.output.report import Report, Screen


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write only the records."""
    pieces = object_pieces(report.fields, "\n")
    for text in report.texts(pieces, json_text):
        stream.write(text)
        stream.flush()


FORMAT = Format(write, takes_fields=True)
