"""The raw values of one field, for shell scripts: `$(lora-cli count ... --field trainable_params)`."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.format import Writer
from lora_cli.output.report import Report, Screen, raw_text


def field_values(name: str) -> Writer:
    """Return what writes the values of the field called `name`, one per line."""

    def write(report: Report, stream: TextIO, screen: Screen) -> None:
        column = list(report.fields).index(name)
        stream.writelines(raw_text(row[column]) + "\n" for row in report.rows())

    return write
