"""What is on the device all the time: the weights, what is trained beside them, and the optimizer's states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from math import prod
from typing import NamedTuple

from lora_cli.analysis.memory.replay.ledger import rounded
from lora_cli.analysis.memory.replay.setup import Setup, width_of
from lora_cli.analysis.memory.training import Training
from lora_cli.errors import InvalidInput, argument
from lora_cli.models.nodes import Buffer, Module
from lora_cli.models.parts.forward_pass import Body, Words
from lora_cli.models.parts.layers import parameters_of


class Static(NamedTuple):
    """The bytes of each tensor that is held all the time, and of the temporaries that the optimizer has in its phase.

    `beside` are those that the method adds to the model, `trained` those whose gradients there are.
    """

    base: Sequence[int]
    beside: Sequence[int]
    trained: Sequence[int]
    states: Sequence[int]
    temporaries: Sequence[int]

    @property
    def weights(self) -> int:
        """The base model."""
        return sum(map(rounded, self.base))

    @property
    def adapter_weights(self) -> int:
        """What the method adds to it."""
        return sum(map(rounded, self.beside))

    @property
    def optimizer(self) -> int:
        """The optimizer's states."""
        return sum(map(rounded, self.states))


def static(setup: Setup, training: Training) -> Static:
    """Return what is held all the time."""
    trained = [*setup.added(training, trained=True), *setup.copies(training, reached=True)]
    added = [*trained, *setup.added(training, trained=True, reached=False), *setup.copies(training, reached=False)]
    if setup.plan is None:
        tied = setup.model.tied
        trained = [each.params * training.width for each in setup.model.all_parameters() if each.name not in tied]
    if training.optimizer not in OPTIMIZER_STATES:
        raise InvalidInput(f"{argument('optimizer')}: {training.optimizer} has no replay yet")
    states, temporaries = OPTIMIZER_STATES[training.optimizer](trained)
    frozen = (setup.added(training, trained=False, reached=reached) for reached in (True, False))
    beside = [*added, *chain(*frozen)]
    return Static([*base_sizes(setup, training)], beside, trained, states, temporaries)


def base_sizes(setup: Setup, training: Training) -> Iterator[int]:
    """Yield the bytes of each tensor of the base, and of the frequencies of rotated positions, which are kept twice."""
    for node in setup.model.nodes:
        if isinstance(node, Module) and setup.is_quantised(node.name, training):
            yield from quantised_sizes(node.weight_params, training.quantize)
            if node.bias:
                yield node.h * training.plain_width
            continue
        if isinstance(node, Buffer):
            yield prod(node.shape) * width_of(node, training)
        for parameter in parameters_of(node):
            if parameter.name not in setup.model.tied:
                yield parameter.params * width_of(parameter, training)
    yield from _buffers(setup.body)


def _buffers(body: Body) -> Iterator[int]:
    """Yield the bytes of what a body holds beside parameters: two tables of frequencies in float32, and a scale."""
    for *_, rotary in body.angles:
        yield from [rotary // 2 * 4] * 2
    if isinstance(body.embeddings, Words):
        yield from (count * 8 for count in body.embeddings.indices)
        yield 4 if body.embeddings.scaled == "within" else 0


def quantised_sizes(n: int, how: str) -> list[int]:
    """Return the bytes of what bitsandbytes stores of a weight of `n` values: NF4 with a scale for each 64 of them."""
    blocks = -(-n // 64)
    if how == "nf4-double":
        return [-(-n // 2), 16 * 4, blocks, -(-blocks // 256) * 4, 256 * 4, 4]
    return [-(-n // 2), 16 * 4, blocks * 4]


def _adamw(trained: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Two states of each tensor; the fused variant also counts its steps on the device."""
    return [*trained, *trained, *(4 for _ in trained)], ()


def _adamw_foreach(trained: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    return [*trained, *trained], trained


OPTIMIZER_STATES: Mapping[str, Callable[[Sequence[int]], tuple[Sequence[int], Sequence[int]]]] = {
    "adamw": _adamw,
    "adamw-foreach": _adamw_foreach,
    "sgd": lambda _: ((), ()),
}
