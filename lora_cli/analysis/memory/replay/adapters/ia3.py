"""(IA)³ beside a Linear: `peft.tuners.ia3.layer.Linear.forward`."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.operations import cast, makes, multiply, record, wanted
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def linear(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Multiply what goes into a feed-forward by a vector, and what comes out of any other module."""
    vector = own.adapter["ia3_l"]
    scaling = record([vector], vector.numel, vector.width, makes(*wanted(vector)), tape=device.tape)
    given = x.width
    if tuple(own.shapes["ia3_l"]) == (1, own.d):
        x = cast(x, vector.width)
        inner = cast(multiply(x, scaling, by_columns=True), given)
        return device.base(own, inner)
    out = device.base(own, x)
    return cast(multiply(out, scaling, by_columns=True), out.width)


ADAPTER = Adapter(linear)
