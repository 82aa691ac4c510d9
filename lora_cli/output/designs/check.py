"""The design of a check: which rules hold, in words and in colour."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import Block, Grid, Line
from lora_cli.output.columns import Column, listing
from lora_cli.output.report import Report

PASS, FAIL = "pass", "FAIL"


def design(report: Report) -> Iterator[Block]:
    """Yield a row for each rule, failed ones in red, how many hold, and why the others do not; then what was not read."""
    failures = report.failures or ()
    failed = [failure is not None for failure in failures]
    columns = [Column("", [FAIL if each else PASS for each in failed])]
    columns += [each for each in listing(report) if each.field != "passed"]
    yield Grid(columns, ["bad" if each else "good" for each in failed])
    holding = len(failed) - sum(failed)
    if all(failed) or not any(failed):
        verdict = "All rules fail." if any(failed) else "All rules hold."
    else:
        verdict = f"{holding} of {len(failed)} rules hold."
    yield Line(verdict, "bad" if any(failed) else "good")
    yield from (Line(failure) for failure in failures if failure is not None)
    if report.troubles:
        number = len(report.troubles)
        yield Line(f"{number} {'subject was' if number == 1 else 'subjects were'} not checked.", "bad")
        yield from (Line(trouble.message) for trouble in report.troubles)
