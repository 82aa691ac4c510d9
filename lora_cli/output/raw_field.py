"""The raw values of a few fields, for shell scripts: `$(lora-cli count ... --field trainable_params)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from lora_cli.output.format import Writer
from lora_cli.output.report import Report, Screen, raw_text


def field_values(names: Sequence[str]) -> Writer:
    """Return what writes the values of these fields, one record per line and a tab between two values."""

    def write(report: Report, stream: TextIO, screen: Screen) -> None:
        columns = [list(report.fields).index(name) for name in names]
        stream.writelines("\t".join(raw_text(row[column]) for column in columns) + "\n" for row in report.rows())

    return write
