"""LoRA beside a Linear: `peft.tuners.lora.layer.Linear.forward`, and `bnb.Linear4bit.forward` beside a quantised one."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device, Weights
from lora_cli.analysis.memory.replay.operations import add, cast, clone, dropout, scale
from lora_cli.analysis.memory.replay.parts.weight_decomposition import add_decomposed
from lora_cli.analysis.memory.replay.tape import Tensor


def forward(device: Device, own: Weights, x: Tensor) -> Tensor:
    """Add B·A of the input, of which an adapter in another type takes a copy of its own."""
    a, b = own.adapter["lora_A.weight"], own.adapter["lora_B.weight"]
    r = a.numel // own.d
    out = device.base(own, x)
    width = out.width

    def update(x: Tensor) -> Tensor:
        low = device.multiply(dropout(x, own.settings.lora_dropout), a, None, own.d, r)
        return scale(device.multiply(low, b, own.adapter.get("lora_B.bias"), r, own.h))

    if own.settings.use_dora:
        out = clone(out) if own.is_quantised else out
        return cast(add_decomposed(device, own, cast(x, a.width), out), width)
    if own.is_quantised:
        out = clone(out)
        return add(out, cast(update(cast(x, a.width)), width))
    x = cast(x, a.width)
    return cast(add(out, update(x)), width)
