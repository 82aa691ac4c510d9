"""LoKr beside a Linear: `peft.tuners.lokr.layer.Linear`, whose update is a Kronecker product."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.ledger import ADDED
from lora_cli.analysis.memory.replay.operations import broadcast, makes, record, scale, wanted
from lora_cli.analysis.memory.replay.parts.whole_updates import add_update, dropouts
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def linear(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Add the input times the Kronecker product of two matrices."""
    return add_update(device, own, x, device.base(own, x), _update(device, own))


def _update(device: Runner, own: Weights) -> Tensor:
    left, right = (_factor(device, own, name) for name in ("lokr_w1", "lokr_w2"))
    numel, width = own.d * own.h, max(left.width, right.width)
    saves = [each for each in (left, right) if isinstance(each, Tensor)]
    backward = broadcast(numel * width, left, right, columns=right, rows=left.numel)
    whole = record([left, right], numel, width, backward, saves=saves, saves_more=[0], tape=device.tape)
    return scale(whole)


def _factor(device: Runner, own: Weights, name: str) -> Parameter | Tensor:
    """Return a matrix, which may itself be the product of two, in the type of autocast where that is on."""
    if name in own.adapter:
        return own.adapter[name]
    a, b = (device.lowered(own.adapter[f"{name}_{part}"]) for part in "ab")
    rows, columns = own.shapes[f"{name}_a"][0], own.shapes[f"{name}_b"][1]
    flops = 2 * rows * columns * own.shapes[f"{name}_b"][0]
    backward = makes(*wanted(a, b), of=ADDED, flops=2 * flops)
    return record([a, b], rows * columns, a.width, backward, saves=[a, b], of=ADDED, flops=flops, tape=device.tape)


ADAPTER = Adapter(linear, unknown=dropouts)
