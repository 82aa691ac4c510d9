"""Values for people to read: rounded, scaled and in words, by what their names say they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lora_cli.output.report import Report, safe_text
from lora_cli.quantities import Value, bytes_text, count_text, number_text, percent_text

# Fields that something may not have.
ABSENT = ("r", "alpha", "knob", "arxiv", "base_model", "size", "next_size", "overshoot")


def heading(field: str) -> str:
    """Return a field's name in words."""
    return field.replace("_", " ")


def cell(field: str, value: Value) -> str:
    """Return a value as its field is read.

    >>> cell("trainable_params", 65536), cell("percent_saved", 93.75), cell("reduction_factor", 16.0)
    ('65,536', '93.75 %', '16x')
    >>> cell("adapter_bytes", 262384), cell("passed", True), cell("output_norm", None)
    ('262,384', 'yes', 'unknown')
    """
    if value is None:
        # A method without a rank or a paper has none: nothing is unknown about it.
        return "none" if field in ABSENT else "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return safe_text(value)
    if field == "seed":
        return str(value)
    if field in {"value", "limit"}:
        # What is judged is shown in full: 99.9999999 against 100 must not read as 100 against 100.
        return f"{value:,}".removesuffix(".0")
    if field.startswith("percent") or field.endswith("percent"):
        return percent_text(value)
    if field.endswith("_factor"):
        return f"{number_text(value)}x"
    if isinstance(value, float):
        return number_text(value)
    return count_text(value)


def series(values: Sequence[Value]) -> str:
    """Return the sizes of a shape, or a few values.

    >>> series((32, 1024)), series((0.25, None))
    ('32 x 1024', '0.25, unknown')
    """
    sizes = all(isinstance(value, int) for value in values)
    return (" x " if sizes else ", ").join(str(value) if sizes else cell("", value) for value in values)


def part_lines(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a report's parts as labels and texts: `A  32 x 1024 = 32,768`."""
    for name, part in parts.items():
        if isinstance(part, Mapping):
            for key, values in part.items():
                yield f"{name.removesuffix('s')} {key}", series(values)
        else:
            for item in part:
                if "shape" in item:
                    yield item["name"], f"{series(item['shape'])} = {count_text(item['params'])}"


def sheet(report: Report) -> list[tuple[str, str]]:
    """Return a report of one record as labels and texts, its parts behind."""
    (row,) = report.rows()
    lines = [(heading(field), sheet_cell(field, value)) for field, value in zip(report.fields, row, strict=True)]
    return [*lines, *((heading(label), text) for label, text in part_lines(report.parts))]


def sheet_cell(field: str, value: Value) -> str:
    """Return a value where there is room for it: a size also in its unit."""
    text = cell(field, value)
    if field.endswith("_bytes") and isinstance(value, int) and value >= 1000:
        return f"{text} ({bytes_text(value)})"
    return text


def details(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return the fields of a report's details, and their rows of texts."""
    fields = list(report.details[0]) if report.details else []
    return fields, [[cell(field, value) for field, value in row.items()] for row in report.details]


def listing(report: Report) -> list[list[str]]:
    """Return a report's records as rows of texts."""
    return [[cell(field, value) for field, value in zip(report.fields, row, strict=True)] for row in report.rows()]
