"""Values for people: rounded, scaled and in words. The name of a field says how to write its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lora_cli.errors import printable
from lora_cli.output.report import Report
from lora_cli.quantities import Value, bytes_text, count_text, number_text, percent_text

# Fields that a record may not have: an empty one is "none", not "unknown".
OPTIONAL = ("d", "h", "r", "percent_of_full", "alpha", "knob", "arxiv", "base_model", "size", "next_size", "overshoot")

# Fields that name the subject of a row.
SUBJECTS = ("method", "model", "adapter")
# Fields that a sheet shows in bold.
HIGHLIGHTS = ("trainable_params", "percent_saved")
# Fields whose numbers are shown in full: 99.9999999 against a limit of 100 must not read as 100 against 100.
JUDGED = ("value", "limit")


def heading(field: str) -> str:
    """Return the name of a field in words."""
    return field.replace("_", " ")


def cell(field: str, value: Value) -> str:
    """Return the text of a field's value.

    >>> cell("trainable_params", 65536), cell("percent_saved", 93.75), cell("reduction_factor", 16.0)
    ('65,536', '93.75 %', '16x')
    >>> cell("adapter_bytes", 262384), cell("passed", True), cell("output_norm", None)
    ('262,384', 'yes', 'unknown')
    """
    if value is None:
        return "none" if field in OPTIONAL else "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return printable(value)
    if field == "seed":
        return str(value)
    if field in JUDGED:
        return f"{value:,}".removesuffix(".0")
    if field == "share":
        return percent_text(100 * value)
    if field.startswith("percent") or field.endswith("percent"):
        return percent_text(value)
    if field.endswith("_factor"):
        return f"{number_text(value)}x"
    if isinstance(value, float):
        return number_text(value)
    return count_text(value)


def series(values: Sequence[Value]) -> str:
    """Return the text of a shape or of a few values.

    >>> series((32, 1024)), series((0.25, None))
    ('32 x 1024', '0.25, unknown')
    """
    sizes = all(isinstance(value, int) for value in values)
    return (" x " if sizes else ", ").join(str(value) if sizes else cell("", value) for value in values)


def part_lines(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parts of a report as labels and texts, e.g. `A` and `32 x 1024 = 32,768`."""
    for name, part in parts.items():
        if isinstance(part, Mapping):
            for key, values in part.items():
                yield f"{name.removesuffix('s')} {key}", series(values)
        else:
            for item in part:
                if "shape" in item:
                    yield item["name"], f"{series(item['shape'])} = {count_text(item['params'])}"


def sheet(report: Report) -> list[tuple[str, str]]:
    """Return a report of one record as labels and texts, followed by its parts."""
    (row,) = report.rows()
    lines = [(heading(field), sheet_cell(field, value)) for field, value in zip(report.fields, row, strict=True)]
    return [*lines, *((heading(label), text) for label, text in part_lines(report.parts))]


def sheet_cell(field: str, value: Value) -> str:
    """Return the text of a value on a sheet, which has room for a size in bytes and in its unit."""
    text = cell(field, value)
    if field.endswith("_bytes") and isinstance(value, int) and value >= 1000:
        return f"{text} ({bytes_text(value)})"
    return text


def details(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return the fields of a report's details and the texts of their rows."""
    fields = list(report.details[0]) if report.details else []
    return fields, [[cell(field, value) for field, value in row.items()] for row in report.details]


def findings(report: Report) -> list[list[str]]:
    """Return the texts of a report's findings, row by row."""
    return [[printable(text) for text in found.values()] for found in report.findings]


def listing(report: Report) -> list[list[str]]:
    """Return the texts of a report's records, row by row."""
    return [[cell(field, value) for field, value in zip(report.fields, row, strict=True)] for row in report.rows()]
