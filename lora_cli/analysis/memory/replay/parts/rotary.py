"""How q and k are turned by their positions (`apply_rotary_pos_emb`)."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import FLOAT32, add, cast, makes, record, scale
from lora_cli.analysis.memory.replay.tape import Storage, Tensor
from lora_cli.models.parts.forward_pass import Attention


def rotate(device: Device, own: Attention, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Return q and k turned, in the type that they had."""
    width = q.width
    if own.rotary_kind == "float_pairs":
        q, k = cast(q, FLOAT32), cast(k, FLOAT32)
    angles = FLOAT32 if own.rotary_kind == "float_angles" else device.hidden_width
    q, k = turn(q, angles), turn(k, angles)
    return cast(q, width), cast(k, width)


def turn(x: Tensor, angles: int) -> Tensor:
    """Return x·cos + rotate_half(x)·sin, with angles of so many bytes a value."""
    return add(scale(x, angles), scale(_half_turned(x), angles))


def _half_turned(x: Tensor) -> Tensor:
    """Return the halves exchanged, the first of them negated (`rotate_half`)."""
    size = x.numel * x.width
    negative = Storage(x.storage.tape, size // 2)
    out = record([x], x.numel, x.width, makes(size, beside=[size // 2, size]))
    del negative
    return out
