"""The design of an inspection: what is wrong, what the adapter trains module by module, and its figures."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import ARROW, Block, Entry, Grid, Line, Title, facts
from lora_cli.output.columns import Column, column
from lora_cli.output.people import cell
from lora_cli.output.report import Report

TITLE = ("adapter", "method", "base_model")
# The numbers of the findings, which are all shown.
FINDINGS = ("errors_found", "warnings_found")
PARTED = " · "
MESSAGE, REMEDY = "message", "remedy"
STYLES = {"error": "bad", "warning": "warn", "note": "dim"}


def design(report: Report) -> Iterator[Block]:
    """Yield the subject, the findings by severity, the groups of modules with their shares, and the figures."""
    record = {**report.record(), **report.missing}
    yield Title([cell(field, record[field]) for field in TITLE if record[field] is not None])
    yield from _findings(report)
    if report.details:
        fields = [field for field in report.details[0] if any(row[field] not in {None, ""} for row in report.details)]
        grid = [column(field, [row[field] for row in report.details]) for field in fields]
        if "share" in fields:
            grid.append(Column("", [repr(row["share"]) for row in report.details], is_bar=True))
        yield Grid(grid, expendable=("scaling", "d", "h", "count"))
    told = (*TITLE, *FINDINGS)
    yield facts(record, [field for field in report.fields if field not in told and record[field] is not None])


def _findings(report: Report) -> Iterator[Block]:
    findings = sorted(report.findings, key=lambda each: list(STYLES).index(each["severity"]))
    if not findings:
        yield Line("Nothing wrong was found.", "good")
        return
    for each in findings:
        name = PARTED.join(text for field, text in each.items() if field not in (MESSAGE, REMEDY))
        yield Entry(name, [each[MESSAGE], f"{ARROW}{each[REMEDY]}"], STYLES[each["severity"]])
