"""GitHub annotations: GitHub shows each failed check at the top of a workflow run and beside its file.

The lines are workflow commands (docs.github.com, "Workflow commands for GitHub Actions"), escaped as in
`command.ts` of actions/toolkit. What passed is not annotated, because GitHub shows only ten annotations per step: where
all rules hold, the log has one plain line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from lora_cli.errors import first_few, printable
from lora_cli.output.format import Format
from lora_cli.output.report import Location, Report, Screen
from lora_cli.quantities import Value


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def annotation(title: str, location: Location | None, message: str) -> str:
    """Return the annotation of an error: its title, the place in a file that it is about, and what is wrong.

    >>> annotation("check: max-params", Location("a,b", 3), "over by 50%")
    '::error file=a%2Cb,line=3,title=check%3A max-params::over by 50%25'
    """
    file = "" if location is None else f"file={_property(location.file)},"
    line = "" if location is None or location.line is None else f"line={location.line},"
    return f"::error {file}{line}title={_property(title)}::{_data(message)}"


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write one line per record that failed, and one per subject that could not be read; without any, what holds."""
    judgements = list(report.judgements())
    for record, failure in judgements:
        if failure is not None:
            title = f"lora-cli {report.command}: {record['rule']}"
            stream.write(annotation(title, report.location(record), failure) + "\n")
    for trouble in report.troubles:
        write_error(report.command, trouble.message, trouble.location, stream)
    if judgements and not report.troubles and all(failure is None for _, failure in judgements):
        held = [record for record, _ in judgements if not report.is_open(record)]
        unknown = [record for record, _ in judgements if report.is_open(record)]
        stream.writelines(line + "\n" for line in _without_failure(report.command, held, unknown))


def _without_failure(
    command: str, held: Sequence[Mapping[str, Value]], unknown: Sequence[Mapping[str, Value]]
) -> Iterator[str]:
    """Yield which rules hold for which subjects, and which were not checked.

    >>> [*_without_failure("check", [{"path": "a", "rule": "max-params"}, {"path": "b", "rule": "max-params"}], [])]
    ["lora-cli check: all rules hold for 'a', 'b': max-params"]
    >>> [*_without_failure("check", [{"rule": "findings"}], [{"rule": "loads-in diffusers"}])]
    ['lora-cli check: these rules hold: findings', 'lora-cli check: these rules were not checked: loads-in diffusers']
    """
    said = [("these rules hold" if unknown else "all rules hold", held), ("these rules were not checked", unknown)]
    for what, records in said:
        paths, rules = (
            list(dict.fromkeys(str(record[field]) for record in records if field in record))
            for field in ("path", "rule")
        )
        subjects = f" for {first_few(paths)}" if paths else ""
        if records:
            yield f"lora-cli {command}: {what}{subjects}: {first_few(rules, printable)}"


def write_error(command: str, message: str, location: Location | None, stream: TextIO) -> None:
    """Write why there is no report."""
    stream.write(annotation(f"lora-cli {command}", location, message) + "\n")


# The runner reads UTF-8 and looks for commands on both streams, so stderr need not repeat them.
FORMAT = Format(write, judged_only=True, note="annotations", write_error=write_error, is_log=True, encoding="utf-8")
