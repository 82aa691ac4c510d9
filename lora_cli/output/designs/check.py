"""The design of a check: which rules hold, in words and in colour."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import Block, Grid, Line
from lora_cli.output.columns import Column, listing
from lora_cli.output.report import Report

PASS, FAIL, OPEN = "pass", "FAIL", "not checked"
STYLES = {PASS: "good", FAIL: "bad", OPEN: ""}


def design(report: Report) -> Iterator[Block]:
    """Yield a row for each rule, failed ones in red, how many hold, and why the others do not; then what was not read."""
    failures = report.failures or ()
    results = [
        FAIL if failure is not None else OPEN if report.is_open(record) else PASS
        for record, failure in report.judgements()
    ]
    failed = results.count(FAIL)
    columns = [Column("", results)]
    columns += [each for each in listing(report) if each.field != "passed"]
    yield Grid(columns, [STYLES[each] for each in results])
    if len(set(results)) == 1 and results[0] != OPEN:
        verdict = "All rules fail." if failed else "All rules hold."
    else:
        unknown = results.count(OPEN)
        rest = f"; {unknown} {'was' if unknown == 1 else 'were'} not checked" if unknown else ""
        verdict = f"{results.count(PASS)} of {len(results)} rules hold{rest}."
    yield Line(verdict, "bad" if failed else "good" if results.count(PASS) == len(results) else "")
    yield from (Line(failure) for failure in failures if failure is not None)
    if report.troubles:
        number = len(report.troubles)
        yield Line(f"{number} {'subject was' if number == 1 else 'subjects were'} not checked.", "bad")
        yield from (Line(trouble.message) for trouble in report.troubles)
