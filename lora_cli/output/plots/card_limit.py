"""The line that a graphics card's memory is in a plot of what trainings take."""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.output.plots.plot import Limit
from lora_cli.output.plots.units import MEMORY
from lora_cli.quantities import Value


def card_limits(record: Mapping[str, Value]) -> tuple[Limit, ...]:
    """Return the line of the card that a record of a training is about, none where it is about none."""
    memory = record["gpu_bytes"]
    if not isinstance(memory, int):
        return ()
    return (Limit(f"{record['gpu'] or 'the card'}: {MEMORY.text(memory)}", memory),)
