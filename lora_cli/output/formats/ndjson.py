"""NDJSON: a JSON object a line, each line written as soon as it is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

from lora_cli.output.report import Report, Screen


def json_text(value: Any) -> str:
    """Return `value` as ASCII JSON; a float that JSON has no number for is a bug and raises."""
    return json.dumps(value, allow_nan=False)


def object_pieces(fields: Sequence[str], end: str) -> list[str]:
    """Return what stands before, between and after the values of an object."""
    names = [f'"{field}": ' for field in fields]
    return ["{" + names[0], *[", " + name for name in names[1:]], "}" + end]


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write the records alone."""
    pieces = object_pieces(report.fields, "\n")
    for text in report.texts(pieces, json_text):
        stream.write(text)
        stream.flush()
