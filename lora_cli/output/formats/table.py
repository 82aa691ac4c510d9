"""A table for a terminal. Only `rich_console` knows Rich, and it is imported when a table is written."""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.format import READABLE_ROWS, Format
from lora_cli.output.report import Report, Screen


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a table, and a picture beside or under it as the width allows."""
    from lora_cli.output.rich_console import print_report

    print_report(report, stream, screen)


FORMAT = Format(write, most_rows=READABLE_ROWS)
