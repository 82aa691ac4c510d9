"""What the layers start from: embeddings of tokens."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import add, dropout, scale
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Words


def embed(device: Device, own: Words, looked_up: list[Tensor]) -> Tensor:
    """Look up the tokens of the batch."""
    prefix, training = device.setup.prefix, device.training
    x = device.embed(f"{prefix}{own.name}", training.tokens)
    if own.scaled == "after":
        x = scale(x)
    if own.projection is not None:
        x = device.linear(f"{prefix}{own.projection}", x)
    rows = [
        *(device.embed(f"{prefix}{table}", training.tokens) for table in own.each_token),
        *(device.embed(f"{prefix}{table}", training.seq) for table in own.each_position),
    ]
    if not own.apart:
        looked_up += [x, *rows]
    for each in rows:
        x = add(x, each)
    if own.norm is not None:
        x = normalise(device, f"{prefix}{own.norm.name}", own.norm, x)
    return dropout(x, own.dropout)
