"""The plot of a fit of several methods: what the largest size of each takes of the budget."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.output.people import cell, setting_words
from lora_cli.output.plots.plot import Axis, BarPlot, Limit, Part, names, titled, value_base
from lora_cli.output.plots.units import MEMORY, PERCENT, unit_of
from lora_cli.output.report import Report
from lora_cli.quantities import Value

# What the limits are on; a budget of memory is of a sum that no record has.
FIGURES = {
    "trainable_params": "trainable parameters",
    "adapter_bytes": "adapter file",
    "percent_of_full": "trained share of the base model",
}
MEMORY_FIGURE = "memory of the training"
FEWER = "give fewer methods"


def plot(report: Report) -> BarPlot:
    """Return the plot of the records: in the unit of the budget or, with several, in percent of the one that binds."""
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    pairs = [(_number(row["budget"]), _number(row["headroom"])) for row in rows]
    if len(report.asked) == 1:
        (field,) = report.asked
        axis = Axis(FIGURES.get(field, MEMORY_FIGURE), unit_of(field) if field in FIGURES else MEMORY)
        used = [budget - headroom for budget, headroom in pairs]
        most = pairs[0][0]
    else:
        axis = Axis("share of the limit that binds", PERCENT)
        used = [100 * (budget - headroom) / budget if budget else 100.0 for budget, headroom in pairs]
        most = 100
    base = value_base([*used, most], axis.unit)
    return BarPlot(
        titled([*report.title(), *setting_words(report.settings)]),
        names([_name(row, several=len(report.asked) > 1) for row in rows]),
        Axis(axis.label, axis.unit, base),
        (Part("", tuple(used)),),
        (Limit(f"budget: {axis.unit.text(most)}", most),),
        fewer=FEWER,
    )


def _name(row: Mapping[str, Value], *, several: bool) -> str:
    """Return a method with its largest size, and the limit that binds where there are several."""
    size = "as configured" if row["size"] is None else f"{row['knob']} {cell('size', row['size'])}"
    return f"{row['method']}, {size}" + (f", {row['limit']}" if several else "")


def _number(value: Value) -> float:
    return value if isinstance(value, int | float) else 0
