"""GitHub's annotations: each failed check stands at the top of a workflow's run, and beside its file.

The lines are workflow commands (docs.github.com, "Workflow commands for GitHub Actions"); what is escaped in
them is what actions/toolkit escapes in `command.ts`. A check that passed writes nothing, so that the ten
annotations that a step may have are all failures.
"""

from __future__ import annotations

from typing import TextIO

from lora_cli.output.report import Report, Screen, safe_text


def _data(text: str) -> str:
    return safe_text(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def annotation(title: str, path: str | None, failure: str) -> str:
    """Return the line that says what a record misses, and of which file.

    >>> annotation("check: max-params", "a,b", "over by 50%")
    '::error file=a%2Cb,title=check%3A max-params::over by 50%25'
    """
    file = "" if path is None else f"file={_property(path)},"
    return f"::error {file}title={_property(title)}::{_data(failure)}"


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write a line a record that failed."""
    for row, failure in zip(report.rows(), report.failures, strict=True):
        if failure is not None:
            record = dict(zip(report.fields, row, strict=True))
            title, path = f"lora-cli {report.command}: {record['rule']}", record.get("path")
            stream.write(annotation(title, None if path is None else str(path), failure) + "\n")
