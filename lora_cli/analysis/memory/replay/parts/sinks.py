"""Attention sinks: one more score for each row, which takes a share of the softmax and is left out again (gpt-oss)."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.indexing import integers
from lora_cli.analysis.memory.replay.operations import makes, part, record, softmax, subtract
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Attention


def softmax_with_sinks(device: Device, own: Attention, scores: Tensor) -> Tensor:
    """Return the softmax of all scores but those of sinks, after the highest of each row is subtracted."""
    rows = device.training.batch * own.heads * device.training.seq
    together = record([scores], scores.numel + rows, scores.width, lambda gradient: (gradient,))
    together = subtract(together, _highest(together, rows))
    return part(softmax(together, together.width), scores.numel)


def _highest(x: Tensor, rows: int) -> Tensor:
    """Return the highest value of each row (`max`)."""
    values, indices = record([x], rows, x.width, makes(x.numel * x.width)), integers(x.tape, rows)
    if values.node is not None:
        values.node.save(x.tape, [indices.storage])
    return values
