"""The plot of a training's memory: the peak of each phase, the highest by its parts, and what there is on the card."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.output.memory_parts import PARTS
from lora_cli.output.people import setting_words
from lora_cli.output.plots.card_limit import card_limits
from lora_cli.output.plots.plot import Axis, BarPlot, Part, titled
from lora_cli.output.plots.units import MEMORY
from lora_cli.output.report import Report
from lora_cli.quantities import Value

TOTALS = {"reserved_bytes": "reserved", "high_bytes": "process, at most"}
WHOLE = "not split into parts"


def plot(report: Report, phases: Mapping[str, int]) -> BarPlot:
    """Return the plot of a training's record and the peaks of its phases."""
    record = report.record()
    peak = str(record["peak_phase"])
    bars: dict[str, float] = {f"{name} (peak)" if name == peak else name: size for name, size in phases.items()}
    split = list(phases).index(peak)
    bars |= {name: size for field, name in TOTALS.items() if (size := _number(record[field]))}
    parts = [(part, size) for field, part in PARTS.items() if (size := _number(record[field]))]
    return BarPlot(
        titled([*report.title(), *setting_words(report.settings)]),
        tuple(bars),
        Axis("GPU memory", MEMORY),
        (
            *(
                Part(name, tuple(size if at == split else None for at in range(len(bars))), fill=fill)
                for (name, fill), size in parts
            ),
            Part(WHOLE, tuple(None if at == split else size for at, size in enumerate(bars.values())), is_whole=True),
        ),
        card_limits([record]),
        is_stacked=True,
    )


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
