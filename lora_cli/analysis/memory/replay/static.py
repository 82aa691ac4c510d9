"""What is on the device all the time: the weights, what is trained beside them, and the optimizer's states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.tape import rounded
from lora_cli.analysis.memory.training import Training
from lora_cli.models.nodes import Module
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import parameters_of


class Static(NamedTuple):
    """Bytes that are held all the time; and the temporaries of the optimizer, which are there in its phase alone."""

    weights: int
    adapter_weights: int
    optimizer: int
    trained: Sequence[int]
    optimizer_temporaries: Sequence[int]

    @property
    def total(self) -> int:
        """All of them together."""
        return self.weights + self.adapter_weights + self.optimizer


def static(setup: Setup, training: Training) -> Static:
    """Return what is held all the time."""
    trained = [*setup.added(training, trained=True), *setup.copies(training)]
    if setup.plan is None:
        trained = [
            each.params * training.width for each in setup.model.all_parameters() if each.name not in setup.model.tied
        ]
    beside = sum(map(rounded, (*setup.added(training, trained=False), *(trained if setup.plan else ()))))
    states, temporaries = OPTIMIZER_STATES[training.optimizer](trained)
    return Static(base_bytes(setup, training), beside, sum(map(rounded, states)), trained, temporaries)


def base_bytes(setup: Setup, training: Training) -> int:
    """Return the bytes of the base's weights, and of the frequencies of rotated positions."""
    total = 0
    for node in setup.model.nodes:
        if isinstance(node, Module) and setup.is_quantised(node.name, training):
            total += sum(map(rounded, quantised_sizes(node.weight_params, training.quantize)))
            total += rounded(node.h * training.plain_width) if node.bias else 0
            continue
        for parameter in parameters_of(node):
            if parameter.name not in setup.model.tied:
                total += rounded(parameter.params * training.plain_width)
    return total + sum(map(rounded, _buffers(setup.body)))


def _buffers(body: Body) -> Iterator[int]:
    """Yield the bytes of what a body holds beside parameters: two tables of frequencies in float32, and a scale."""
    for *_, rotary in body.angles:
        yield from [rotary // 2 * 4] * 2
    if body.embeddings.scaled == "within":
        yield 4


def quantised_sizes(n: int, how: str) -> list[int]:
    """Return the bytes of what bitsandbytes stores of a weight of `n` values: NF4 with a scale for each 64 of them."""
    blocks = -(-n // 64)
    if how == "nf4-double":
        return [-(-n // 2), 16 * 4, blocks, -(-blocks // 256) * 4, 256 * 4, 4]
    return [-(-n // 2), 16 * 4, blocks * 4]


def _adamw(trained: Sequence[int]) -> tuple[Iterable[int], Sequence[int]]:
    """Two states of each tensor; the fused variant also counts its steps on the device."""
    return [*trained, *trained, *(4 for _ in trained)], ()


def _adamw_foreach(trained: Sequence[int]) -> tuple[Iterable[int], Sequence[int]]:
    return [*trained, *trained], trained


OPTIMIZER_STATES: Mapping[str, Callable[[Sequence[int]], tuple[Iterable[int], Sequence[int]]]] = {
    "adamw": _adamw,
    "adamw-foreach": _adamw_foreach,
    "sgd": lambda _: ((), ()),
}
