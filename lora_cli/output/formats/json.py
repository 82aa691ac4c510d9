"""JSON: one object, with one record per line, written as the records come."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.format import Format
from lora_cli.output.json_text import json_text, object_pieces
from lora_cli.output.report import Report, Screen

SCHEMA_VERSION = 1


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write the object: the schema version, the command, the results, and the parts of the report."""
    stream.write(f'{{"schema_version": {SCHEMA_VERSION}, "command": {json_text(report.command)}, "results": [')
    start, *rest = object_pieces(report.fields, "")
    # Every record brings the comma before it; the first record must not have one.
    unused = ","
    for text in report.texts([",\n" + start, *rest], json_text):
        stream.write(text.removeprefix(unused))
        stream.flush()
        if text:
            unused = ""
    stream.write("\n]")
    stream.writelines(f",\n{json_text(name)}: {json_text(part)}" for name, part in report.parts.items())
    stream.write("}\n")


FORMAT = Format(write, has_parts=True, takes_fields=True)
