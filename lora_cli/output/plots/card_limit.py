"""The lines that the memory of graphics cards is in a plot of what trainings take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lora_cli.output.plots.plot import Limit
from lora_cli.output.plots.units import MEMORY
from lora_cli.quantities import Value


def card_limits(records: Iterable[Mapping[str, Value]]) -> tuple[Limit, ...]:
    """Return the line of each card that records of trainings are about, none where they are about none."""
    cards = {record["gpu"]: memory for record in records if isinstance(memory := record["gpu_bytes"], int)}
    return tuple(Limit(f"{name or 'the card'}: {MEMORY.text(memory)}", memory) for name, memory in cards.items())
