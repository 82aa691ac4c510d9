"""LoHa beside a Linear: `peft.tuners.loha.layer.Linear`, whose update is `HadaWeight`."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.ledger import ADDED, Storage
from lora_cli.analysis.memory.replay.operations import record
from lora_cli.analysis.memory.replay.parts.whole_updates import add_update, dropouts
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights

KEYS = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")


def linear(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Add the input times the product of the values of two low-rank matrices."""
    return add_update(device, own, x, device.base(own, x), _update(device, own))


def _update(device: Runner, own: Weights) -> Tensor:
    factors = [own.adapter[key] for key in KEYS]
    tape, width, numel = device.tape, factors[0].width, own.d * own.h
    # Autocast makes the update in its type; the backward runs without it.
    lowered = [device.lowered(each) for each in factors]
    made_width = lowered[0].width
    size, flops = numel * made_width, 2 * numel * (factors[0].numel // own.h)

    def backward(_: Storage) -> Sequence[Storage]:
        tape.multiplies(ADDED, 6 * flops)
        scaled = Storage(tape, size)
        made: list[Storage] = []
        part = None
        for pair in (factors[:2], factors[2:]):
            other = Storage(tape, numel * width)
            part = Storage(tape, numel * width)
            del other
            made += [Storage(tape, each.numel * width) for each in pair]
        del scaled, part
        return made

    pair = [Storage(tape, size) for _ in range(2)]
    product = Storage(tape, size)
    del pair
    update = record(factors, numel, made_width, backward, saves_more=[0] * 5, of=ADDED, flops=2 * flops, tape=tape)
    del product
    return update


ADAPTER = Adapter(linear, unknown=dropouts)
