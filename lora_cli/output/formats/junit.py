"""JUnit XML, which CI systems show as tests: one suite per path, one case per record.

JUnit XML has no standard; the elements and attributes are those of the schema of Jenkins' xUnit plugin
(junit-10.xsd). GitLab identifies a case by its name, so every name is unique.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple, TextIO

from lora_cli.errors import printable
from lora_cli.output.format import Format
from lora_cli.output.report import Location, Report, Screen, Trouble

FAILURE, ERROR, SKIPPED = "failure", "error", "skipped"
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class Case(NamedTuple):
    """One record as XML text: its path if it has one, the file it is about, its unique name, and what is wrong with it.

    `element` is what that is, a `failure` or an `error`, and `kind` its type. `message` is None where nothing is wrong; a
    case of `skipped` was not checked, and has none.
    """

    path: str | None
    file: str | None
    name: str
    kind: str
    message: str | None
    element: str = FAILURE


def text(value: str) -> str:
    """Return `value` for XML 1.0 in ASCII, which does not allow most control characters, even escaped.

    >>> text('a<b>&"\\x00\\x1bé')
    'a&lt;b&gt;&amp;&quot;\\\\x00\\\\x1b&#233;'
    """
    escaped = "".join(ENTITIES.get(c, c) for c in printable(value))
    return escaped.encode("ascii", "xmlcharrefreplace").decode()


def _cases(report: Report) -> Iterator[Case]:
    seen: dict[str, int] = {}
    for record, failure in report.judgements():
        path, rule = record.get("path"), text(str(record["rule"]))
        where = None if path is None else text(str(path))
        name = rule if where is None else f"{where}: {rule}"
        # Several findings on one path may have the same rule.
        number, unique = seen.get(name, 1), name
        while unique in seen:
            number += 1
            unique = f"{name} ({number})"
        seen[name] = number
        seen.setdefault(unique, 1)
        location = report.location(record)
        file = None if location is None else text(location.file)
        element = SKIPPED if failure is None and report.is_open(record) else FAILURE
        yield Case(where, file, unique, rule, None if failure is None else text(failure), element)


def _trouble(trouble: Trouble) -> Case:
    file = None if trouble.location is None else text(trouble.location.file)
    return Case(text(trouble.subject), file, text(trouble.subject), ERROR, text(trouble.message), ERROR)


def _counts(cases: list[Case]) -> str:
    wrong = [case.element for case in cases if case.message is not None]
    return f'tests="{len(cases)}" failures="{wrong.count(FAILURE)}" errors="{wrong.count(ERROR)}"'


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write the document at once, because its totals come before its cases."""
    _write(report.command, [*_cases(report), *map(_trouble, report.troubles)], stream)


def _write(command: str, cases: list[Case], stream: TextIO) -> None:
    program = f"lora-cli {command}"
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(f'<testsuites name="{program}" {_counts(cases)}>\n')
    for path, suite in groupby(cases, lambda case: case.path):
        _write_suite(program if path is None else path, program.replace(" ", "."), list(suite), stream)
    stream.write("</testsuites>\n")


def _write_suite(name: str, classname: str, cases: list[Case], stream: TextIO) -> None:
    # The schema gives a file to suites only, and Jenkins' xUnit plugin rejects what the schema does not have. GitLab takes
    # a link from the file of a case, and does without: every name and every message there begins with the path.
    file = "" if cases[0].file is None else f' file="{cases[0].file}"'
    skipped = sum(case.element == SKIPPED for case in cases)
    stream.write(f'  <testsuite name="{name}" {_counts(cases)} skipped="{skipped}"{file}>\n')
    for case in cases:
        stream.write(f'    <testcase classname="{classname}" name="{case.name}"')
        if case.element == SKIPPED:
            stream.write(f"><{SKIPPED}/></testcase>\n")
            continue
        if case.message is None:
            stream.write("/>\n")
            continue
        stream.write(
            f'>\n      <{case.element} message="{case.message}" type="{case.kind}">{case.message}</{case.element}>\n'
            "    </testcase>\n"
        )
    stream.write("  </testsuite>\n")


def write_error(command: str, message: str, location: Location | None, stream: TextIO) -> None:
    """Write a document of one case, which could not run."""
    case = _trouble(Trouble(f"lora-cli {command}", message, location))
    _write(command, [case], stream)


FORMAT = Format(write, judged_only=True, write_error=write_error)
