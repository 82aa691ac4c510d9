"""The design of a fit of several methods: the largest size of each, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lora_cli.output.blocks import Block, Grid, Title, caption
from lora_cli.output.columns import Column, column, left, of_full, same_in_all_rows
from lora_cli.output.people import cell, setting_words, sizes
from lora_cli.output.report import Report
from lora_cli.quantities import Value

FIGURES = ("trainable_params", "percent_of_full", "adapter_bytes")
COMMON = ("adapted_modules", "full_params")


def design(report: Report) -> Iterator[Block]:
    """Yield the budget, and for each method its size, what that costs, and what is left."""
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    columns = {field: column(field, [row[field] for row in rows]) for field in report.fields}
    columns["percent_of_full"] = of_full(row["percent_of_full"] for row in rows)
    said = same_in_all_rows(columns.values())
    common = {each.field: rows[0][each.field] for each in said if each.field in ("d", "h")}
    head, *others = report.title()
    alike = caption(each for each in said if each.field in COMMON)
    yield Title([head, *sizes(common), *others], [*alike, *setting_words(report.settings)])
    used = [_share(row) for row in rows]
    grid = [
        columns["method"],
        Column("largest", [_largest(row) for row in rows], style="strong"),
        *(columns[field] for field in FIGURES if field in report.asked or field == FIGURES[0]),
        *([] if columns["limit"] in said else [columns["limit"]]),
        left((row["limit"], row["headroom"]) for row in rows),
        Column("of budget", [f"{100 * share:,.2f} %" for share in used], is_number=True),
        Column("", [repr(share) for share in used], is_bar=True),
    ]
    yield Grid([each.upright() for each in grid], expendable=("headroom",), has_more=True)


def _largest(row: Mapping[str, Value]) -> str:
    return "as configured" if row["size"] is None else f"{row['knob']} {cell('size', row['size'])}"


def _share(row: Mapping[str, Value]) -> float:
    """Return what a method takes of the budget, from 0 to 1."""
    budget, headroom = row["budget"], row["headroom"]
    if not isinstance(budget, int | float) or not isinstance(headroom, int | float):
        return 0
    return (budget - headroom) / budget if budget else 1
