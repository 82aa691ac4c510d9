"""The plot of a sweep: its figure over the axis with the most points, a line for each point of the other axes.

Where no axis has numbers, e.g. in a comparison of methods, there is a bar for each point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lora_cli.errors import argument
from lora_cli.output.people import setting_words, sizes
from lora_cli.output.plots.card_limit import card_limits
from lora_cli.output.plots.plot import (
    Axis,
    BarPlot,
    LinePlot,
    Part,
    Plot,
    Series,
    names,
    refuse_points,
    size_base,
    titled,
    value_base,
)
from lora_cli.output.plots.units import WHOLE, unit_of
from lora_cli.output.report import Report
from lora_cli.quantities import Value

Row = Mapping[str, Value]

# The axes of a grid: names, and numbers with what they are called. Of axes with as many points, the first is drawn along.
NAMED = ("model", "target", "method", "gpu", "quantize")
NUMBERED = {"r": "rank r", "seq": "tokens of a sequence", "batch": "sequences of a batch", "d": "d", "h": "h"}
FIGURES = {
    "peak_bytes": "peak memory of a training step",
    "trainable_params": "trainable parameters",
    "adapter_bytes": "adapter file",
    "percent_of_full": "trained share of the base model",
}


def plot(report: Report) -> Plot:
    """Return the plot of a sweep's records."""
    refuse_points(report.size, _fewer())
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    figure = _figure(report)
    rows = [row for row in rows if row[figure] is not None]
    varying = [field for field in (*NAMED, *NUMBERED) if len({row.get(field) for row in rows} - {None}) > 1]
    is_square = "h" in varying and all(row["d"] == row["h"] for row in rows)
    if is_square:
        varying.remove("h")
    points = {field: {row[field] for row in rows} - {None} for field in varying if field in NUMBERED}
    along = max(points, key=lambda field: len(points[field]), default=None)
    common: Row = {
        field: rows[0][field]
        for field in ("d", "h", "r")
        if rows and field in rows[0] and field not in varying and not is_square
    }
    title = titled([*report.title(), *sizes(common), *setting_words(report.settings)])
    values = [_number(row[figure]) for row in rows]
    axis = Axis(FIGURES[figure], unit_of(figure), value_base(values, unit_of(figure)))
    limits = card_limits(rows) if figure == "peak_bytes" else ()
    if along is None:
        return replace(_bars(title, rows, varying, figure, axis), limits=limits)
    label = "d = h" if is_square and along == "d" else NUMBERED[along]
    others = [field for field in varying if field != along]
    xs = [_number(value) for value in points[along]]
    return LinePlot(
        title, Axis(label, WHOLE, size_base(xs)), axis, _lines(rows, along, others, figure, xs), limits, fewer=_fewer()
    )


def _fewer() -> str:
    return (
        "give fewer models, targets, methods or sizes, or keep some of the rows with "
        f"{argument('limit')} or {argument('max_params')}"
    )


def _figure(report: Report) -> str:
    """Return the field that is drawn: the memory of a training, or what was asked for, or what is trained."""
    if "peak_bytes" in report.fields:
        return "peak_bytes"
    return next((field for field in report.asked if field in FIGURES), "trainable_params")


def _lines(
    rows: Sequence[Row], along: str, others: Sequence[str], figure: str, xs: Sequence[float]
) -> tuple[Series, ...]:
    """Return a line for each point of the other axes; what has no size on the axis is level along all of it."""
    lines: dict[str, set[tuple[float, float]]] = {}
    for row in rows:
        name, y = _name(row, others), _number(row[figure])
        if row[along] is None:
            lines.setdefault(name, set()).update({(min(xs), y), (max(xs), y)})
        else:
            lines.setdefault(name, set()).add((_number(row[along]), y))
    return tuple(Series(name, tuple(sorted(lines[key]))) for key, name in zip(lines, names(list(lines)), strict=True))


def _bars(title: tuple[str, ...], rows: Sequence[Row], varying: Sequence[str], figure: str, axis: Axis) -> BarPlot:
    """Return a bar for each row, in groups by the first axis where there are several."""
    first, rest = list(varying[:1]), varying[1:]
    cells = {(_name(row, first), _name(row, rest)): _number(row[figure]) for row in rows}
    categories, parts = ([*dict.fromkeys(key[at] for key in cells)] for at in (0, 1))
    return BarPlot(
        title,
        names(categories),
        axis,
        tuple(
            Part(name, tuple(cells.get((category, part)) for category in categories))
            for part, name in zip(parts, names(parts), strict=True)
        ),
        fewer=_fewer(),
    )


def _name(row: Row, fields: Sequence[str]) -> str:
    """Return what tells a line from the others, e.g. `lora, q_proj, d 512`."""
    return ", ".join(
        str(row[field]) if field in NAMED else f"{field} {row[field]}" for field in fields if row[field] is not None
    )


def _number(value: Value) -> float:
    return value if isinstance(value, int | float) else 0
