"""Reports for the formats to write: made by hand, of hostile text, and of the questions themselves."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest

from lora_cli.analysis.check.verdict import FIELDS
from lora_cli.output import Report, Screen, format_writer
from lora_cli.output.report import Location
from lora_cli.quantities import Value

Write = Callable[..., str]
Make = Callable[..., Report]


@pytest.fixture
def written() -> Write:
    """Return what writes a report in a format and gives the text."""

    def write(name: str, report: Report, screen: Screen | None = None) -> str:
        stream = io.StringIO()
        format_writer(name, report.size, report.command, judged=report.judged)(report, stream, screen or Screen())
        return stream.getvalue()

    return write


@pytest.fixture
def listed() -> Make:
    """Return what makes a listing of rows, whose batches can be read again."""

    def make(rows: Sequence[Sequence[Value]], fields: Sequence[str] = ("name", "r", "percent_saved")) -> Report:
        return Report("test", fields, [rows], len(rows), listing=True)

    return make


@pytest.fixture
def judged() -> Make:
    """Return what makes a report of verdicts: a path or none, a rule, and what is missed or none, each.

    A path is that of a file, too.
    """

    def make(verdicts: Sequence[tuple[str | None, str, str | None]]) -> Report:
        paths = any(path is not None for path, _, _ in verdicts)
        fields = ("path", *FIELDS) if paths else FIELDS
        rows = [(*[path] * paths, rule, 2, 1, failure is None) for path, rule, failure in verdicts]
        failures = [failure for _, _, failure in verdicts]
        locations = {path: Location(path) for path, _, _ in verdicts if path is not None}
        return Report("check", fields, [rows], len(rows), listing=True, failures=failures, locations=locations)

    return make
