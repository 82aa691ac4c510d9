"""The design of an inspection: what is wrong, what the adapter trains module by module, and its figures."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import Block, Grid, Line, Title, facts
from lora_cli.output.columns import Column, column
from lora_cli.output.people import cell, heading
from lora_cli.output.report import Report

TITLE = ("adapter", "method", "base_model")
# The numbers of the findings, which are all shown.
FINDINGS = ("errors_found", "warnings_found")
MESSAGE, REMEDY = "message", "remedy"
STYLES = {"error": "bad", "warning": "warn", "note": "dim"}


def design(report: Report) -> Iterator[Block]:
    """Yield the subject, the findings by severity, the groups of modules with their shares, and the figures."""
    record = report.record()
    yield Title([cell(field, record[field]) for field in TITLE if record[field] is not None])
    yield from _findings(report)
    if report.details:
        fields = [field for field in report.details[0] if any(row[field] is not None for row in report.details)]
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
    names = [field for field in findings[0] if field not in (MESSAGE, REMEDY)]
    grid = [Column(heading(field), [text for each in findings for text in (each[field], "")]) for field in names]
    # The remedy stands below what is wrong.
    told = [text for each in findings for text in (each[MESSAGE], f"→ {each[REMEDY]}")]
    styles = [style for each in findings for style in (STYLES[each["severity"]], "")]
    yield Grid([*grid, Column(heading(MESSAGE), [cell(MESSAGE, text) for text in told])], styles)
