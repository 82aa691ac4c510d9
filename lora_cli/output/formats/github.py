"""GitHub annotations: GitHub shows each failed check at the top of a workflow run and beside its file.

The lines are workflow commands (docs.github.com, "Workflow commands for GitHub Actions"), escaped as in
`command.ts` of actions/toolkit. A check that passed writes nothing, because GitHub shows only ten annotations per step.
"""

from __future__ import annotations

from typing import TextIO

from lora_cli.errors import printable
from lora_cli.output.format import Format
from lora_cli.output.report import Report, Screen


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def annotation(title: str, path: str | None, failure: str) -> str:
    """Return the annotation of a failed record: its title, the file it is about, and what failed.

    >>> annotation("check: max-params", "a,b", "over by 50%")
    '::error file=a%2Cb,title=check%3A max-params::over by 50%25'
    """
    file = "" if path is None else f"file={_property(path)},"
    return f"::error {file}title={_property(title)}::{_data(failure)}"


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write one line per record that failed."""
    for record, failure in report.judgements():
        if failure is not None:
            title, path = f"lora-cli {report.command}: {record['rule']}", record.get("path")
            stream.write(annotation(title, None if path is None else str(path), failure) + "\n")


FORMAT = Format(write, judged_only=True, note="annotations")
