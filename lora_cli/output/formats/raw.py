"""One field alone, for shell scripts: `$(lora-cli count ... --field trainable_params)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from lora_cli.output.report import Report, Screen, raw_text


def field_values(name: str) -> Callable[[Report, TextIO, Screen], None]:
    """Return a writer of the field called `name`."""

    def write(report: Report, stream: TextIO, screen: Screen) -> None:
        column = list(report.fields).index(name)
        stream.writelines(raw_text(row[column]) + "\n" for row in report.rows())

    return write
