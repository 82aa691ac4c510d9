"""Reports for the formats to write: made by hand, of hostile text, and of the questions themselves."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest

from lora_cli.output import Report, Screen, format_writer
from lora_cli.quantities import Value

Write = Callable[..., str]
Make = Callable[..., Report]


@pytest.fixture
def written() -> Write:
    """Return what writes a report in a format and gives the text."""

    def write(name: str, report: Report, screen: Screen | None = None) -> str:
        stream = io.StringIO()
        format_writer(name, report.size)(report, stream, screen or Screen())
        return stream.getvalue()

    return write


@pytest.fixture
def listed() -> Make:
    """Return what makes a listing of rows, whose batches can be read again."""

    def make(rows: Sequence[Sequence[Value]], fields: Sequence[str] = ("name", "r", "percent_saved")) -> Report:
        return Report("test", fields, [rows], len(rows), listing=True)

    return make
