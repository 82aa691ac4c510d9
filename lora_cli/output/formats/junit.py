"""JUnit's XML, which every CI system shows as tests: a suite a path, a case a record.

There is no standard: the elements and attributes are those of the schema of Jenkins' xUnit plugin
(junit-10.xsd). GitLab knows a case by its name alone, so no name is there twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple, TextIO

from lora_cli.output.report import Report, Screen
from lora_cli.quantities import Value

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class Case(NamedTuple):
    """One record, as text for XML: the path that it is of, if any, its name, its rule, and what it misses."""

    path: str | None
    name: str
    rule: str
    failure: str | None


def text(value: str) -> str:
    """Return `value` for XML 1.0 in ASCII, which has no place for most control characters, not even escaped.

    >>> text('a<b>&"\\x00\\x1bé')
    'a&lt;b&gt;&amp;&quot;\\\\x00\\\\x1b&#233;'
    """
    return "".join(map(_character, value))


def _character(c: str) -> str:
    if not c.isprintable():
        return ascii(c)[1:-1]
    return ENTITIES.get(c, c) if c.isascii() else f"&#{ord(c)};"


def _cases(report: Report) -> Iterator[Case]:
    seen: dict[str, int] = {}
    for row, failure in zip(report.rows(), report.failures, strict=True):
        record: dict[str, Value] = dict(zip(report.fields, row, strict=True))
        path, rule = record.get("path"), text(str(record["rule"]))
        where = None if path is None else text(str(path))
        name = rule if where is None else f"{where}: {rule}"
        # Two of a path's findings may have one rule.
        number, unique = seen.get(name, 1), name
        while unique in seen:
            number += 1
            unique = f"{name} ({number})"
        seen[name] = number
        seen.setdefault(unique, 1)
        yield Case(where, unique, rule, None if failure is None else text(failure))


def _counts(cases: list[Case]) -> str:
    failures = sum(case.failure is not None for case in cases)
    return f'tests="{len(cases)}" failures="{failures}" errors="0"'


def write(report: Report, stream: TextIO, screen: Screen) -> None:
    """Write the whole document: its counts stand before its cases."""
    program, cases = f"lora-cli {report.command}", list(_cases(report))
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(f'<testsuites name="{program}" {_counts(cases)}>\n')
    for path, suite in groupby(cases, lambda case: case.path):
        _write_suite(program if path is None else path, program.replace(" ", "."), list(suite), stream)
    stream.write("</testsuites>\n")


def _write_suite(name: str, classname: str, cases: list[Case], stream: TextIO) -> None:
    # The schema has no file for a case, and the xUnit plugin of Jenkins takes no more than the schema.
    file = "" if cases[0].path is None else f' file="{cases[0].path}"'
    stream.write(f'  <testsuite name="{name}" {_counts(cases)} skipped="0"{file}>\n')
    for case in cases:
        stream.write(f'    <testcase classname="{classname}" name="{case.name}"')
        if case.failure is None:
            stream.write("/>\n")
            continue
        stream.write(
            f'>\n      <failure message="{case.failure}" type="{case.rule}">{case.failure}</failure>\n    </testcase>\n'
        )
    stream.write("  </testsuite>\n")
