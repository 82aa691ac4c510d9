"""HiRA beside a Linear: `peft.tuners.hira.layer.Linear.forward`."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.ledger import ADDED
from lora_cli.analysis.memory.replay.operations import add, broadcast, cast, dropout, makes, record, wanted
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def linear(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Add the input times the weight, each value of it multiplied by that of B·A."""
    out = device.base(own, x)
    width = out.width
    product = _product(device, own)
    x = cast(x, own.adapter["hira_A"].width)
    dropped = dropout(x, own.settings.hira_dropout)
    update = device.multiply(dropped, _weighed(device.transposed(own, own.weight), product), None, own.d, own.h)
    out = add(out, update)
    del product, dropped, update
    return cast(out, width)


def _product(device: Runner, own: Weights) -> Tensor:
    """Multiply A by B, which are saved."""
    a, b = (device.lowered(own.adapter[f"hira_{factor}"]) for factor in "AB")
    flops = 2 * own.d * own.h * (a.numel // own.d)
    backward = makes(*wanted(a, b), of=ADDED, flops=2 * flops)
    return record([a, b], own.d * own.h, a.width, backward, saves=[a, b], of=ADDED, flops=flops, tape=device.tape)


def _weighed(weight: Parameter | Tensor, product: Tensor) -> Tensor:
    width = max(weight.width, product.width)
    saves = [product] if weight.requires_grad else []
    backward = broadcast(product.numel * width, weight, product)
    return record([weight, product], product.numel, width, backward, saves=saves, saves_more=[0])


ADAPTER = Adapter(linear)
