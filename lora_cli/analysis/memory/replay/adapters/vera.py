"""VeRA beside a Linear: `peft.tuners.vera.layer.Linear.forward`."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.operations import add, cast, dropout, weigh
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def linear(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Add b·B·d·A of the input, of which the matrices are shared and frozen, and the vectors trained."""
    given, out = x.width, device.base(own, x)
    width = out.width
    inner, outer = own.adapter["vera_lambda_d"], own.adapter["vera_lambda_b"]
    a, b = (Parameter(inner.numel * size, inner.width, requires_grad=False) for size in (own.d, own.h))
    x = cast(x, inner.width)
    low = weigh(device.multiply(dropout(x, own.settings.vera_dropout), a, None, own.d, inner.numel), inner)
    update = device.multiply(low, b, None, inner.numel, own.h)
    del low
    update = weigh(update, outer)
    out = add(out, update)
    del update
    return cast(cast(out, width), given)


ADAPTER = Adapter(linear)
