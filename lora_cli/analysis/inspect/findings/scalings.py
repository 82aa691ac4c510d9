"""Findings about the scaling of updates."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from lora_cli.analysis.inspect.findings.declaration import WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter

# An update diverges easily at a larger scaling. A format says which smaller one is unusual.
MOST_SCALING = 16


@finding("extreme-scaling", WARNING, "choose lora_alpha near the rank, or use_rslora for high ranks")
def extreme_scaling(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules whose update is scaled by much more or less than usual."""
    least = adapter.trained.declared.least_scaling
    extreme = {
        module: pair.scaling
        for module, pair in adapter.factors.items()
        if pair.scaling is not None and not (isfinite(pair.scaling) and least <= abs(pair.scaling) <= MOST_SCALING)
    }
    if extreme:
        scaling = next(iter(extreme.values()))
        yield f"{counted_with(list(extreme), 'module', 'is', 'are')} scaled by {scaling:.6g}"
