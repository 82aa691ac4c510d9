"""LoHa and LoKr beside a Linear: the update of a weight is made whole, and the input is multiplied by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lora_cli.analysis.memory.replay.operations import add, cast
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def add_update(device: Runner, own: Weights, x: Tensor, out: Tensor, update: Tensor) -> Tensor:
    """Add the input times the update (`lycoris_utils.LycorisLayer.forward`)."""
    given = x.width
    out = add(out, device.multiply(cast(x, update.width), update, None, own.d, own.h))
    del update
    return cast(out, given)


def dropouts(settings: Any) -> Iterator[str]:
    """Yield the dropouts that leave out rows or whole modules by chance."""
    return (name for name in ("rank_dropout", "module_dropout") if getattr(settings, name))
