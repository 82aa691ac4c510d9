"""The design of a sweep: what varies from point to point, and what each of them costs."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import Block, Grid, Title, caption
from lora_cli.output.columns import Column, column, of_full
from lora_cli.output.people import sizes
from lora_cli.output.report import Report

# What may differ from point to point, the slowest first. A type differs where models have their own.
AXES = ("model", "target", "method", "d", "h", "r", "gpu", "quantize", "dtype", "batch", "seq")
FIGURES = ("trainable_params", "percent_of_full", "adapter_bytes")
# Those of a training, and which of them is drawn.
VERDICT = "fits"
TRAINED_FIGURES = ("peak_bytes", "reserved_bytes", VERDICT)
# What a narrow table leaves out, where it is not what was asked.
EXPENDABLE = ("percent_of_full", "adapter_bytes")
# What the caption has where it is the same for all points.
COMMON = ("adapted_modules", "full_params", "quantize", "dtype", "batch", "seq", "gpu", "fits")


def design(report: Report) -> Iterator[Block]:
    """Yield the grid, its points with a bar of what each trains, and where the other fields are."""
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    columns = [column(field, [row[field] for row in rows]) for field in report.fields]
    same = {each.field: each for each in columns if len(set(each.cells)) == 1}
    common = {field: rows[0][field] for field in same}
    yield Title(
        [*report.title(), *sizes(common)], caption(same[field] for field in COMMON if common.get(field) is not None)
    )
    if not rows:
        return
    by_field = {each.field: each for each in columns} | {"percent_of_full": of_full(r["percent_of_full"] for r in rows)}
    axes = [field for field in AXES if field in by_field and field not in same]
    trained = [field for field in TRAINED_FIGURES if field in by_field and (field != VERDICT or field not in same)]
    figures = trained or FIGURES
    asked = [field for field in report.asked if field not in (*AXES, *figures)]
    drawn = figures[0]
    bars = Column("", [repr(row[drawn]) for row in rows], is_bar=True)
    yield Grid(
        [*(by_field[field].upright() for field in (*axes, *figures, *asked)), bars],
        expendable=[field for field in EXPENDABLE if field not in report.asked],
        has_more=True,
    )
