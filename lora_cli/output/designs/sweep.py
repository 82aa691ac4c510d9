"""The design of a sweep: what varies from point to point, and what each of them costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lora_cli.output.blocks import Block, Grid, Title, caption
from lora_cli.output.columns import Column, column, of_full
from lora_cli.output.people import setting_words, sizes
from lora_cli.output.report import Report
from lora_cli.quantities import Value, memory_text

# What may differ from point to point, the slowest first. A type differs where models have their own.
AXES = ("model", "target", "method", "d", "h", "r", "gpu", "quantize", "dtype", "batch", "seq")
FIGURES = ("trainable_params", "percent_of_full", "adapter_bytes")
# Those of a training, and which of them is drawn.
VERDICT = "fits"
DRAWN, RESERVED = "peak_bytes", "reserved_bytes"
TRAINED_FIGURES = (DRAWN, RESERVED, VERDICT)
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
    said = caption(same[field] for field in COMMON if common.get(field) is not None)
    yield Title([*report.title(), *sizes(common)], [*said, *setting_words(report.settings)])
    if not rows:
        return
    by_field = {each.field: each for each in columns} | {"percent_of_full": of_full(r["percent_of_full"] for r in rows)}
    axes = [field for field in AXES if field in by_field and field not in same]
    trained = [field for field in TRAINED_FIGURES if field in by_field and (field != VERDICT or field not in same)]
    figures = trained or FIGURES
    asked = [field for field in report.asked if field not in (*AXES, *figures)]
    shown = [each.upright() for field in (*axes, *figures, *asked) for each in _sized(by_field[field], rows)]
    yield Grid(
        [*shown, *_drawn(rows, figures[0])],
        expendable=[field for field in EXPENDABLE if field not in report.asked],
        has_more=True,
    )


def _sized(shown: Column, rows: Sequence[Mapping[str, Value]]) -> Iterator[Column]:
    """Yield a column: the peak in bytes and in a larger unit, and what is reserved, which is only compared, in that alone."""
    if shown.field != RESERVED:
        yield shown
    if shown.field in (DRAWN, RESERVED):
        scaled = [memory_text(_number(row[shown.field])) for row in rows]
        yield Column("reserved" if shown.field == RESERVED else "", scaled, is_number=True, field=shown.field)


def _drawn(rows: Sequence[Mapping[str, Value]], drawn: str) -> Iterator[Column]:
    """Yield a bar for each point against the largest of them, or its share of its card with a bar where each has one."""
    if drawn != DRAWN or not all(row["gpu_bytes"] for row in rows):
        yield Column("", [repr(row[drawn]) for row in rows], is_bar=True)
        return
    shares = [_number(row[drawn]) / _number(row["gpu_bytes"]) for row in rows]
    yield Column("of card", [f"{100 * share:,.1f} %" for share in shares], is_number=True).upright()
    yield Column("", [repr(share) for share in shares], is_bar=True, whole=1)


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
