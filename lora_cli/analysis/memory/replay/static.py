"""What is on the device all the time: the weights, what is trained beside them, and the optimizer's states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lora_cli.analysis.memory.replay.operations import FLOAT32
from lora_cli.analysis.memory.replay.optimizers import OPTIMIZERS, Trained
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.tape import rounded
from lora_cli.analysis.memory.training import Training
from lora_cli.errors import InvalidInput, argument
from lora_cli.models.nodes import Module
from lora_cli.models.parts.layers import parameters_of


class Static(NamedTuple):
    """The bytes of each tensor that is held all the time.

    `beside` are those that the method adds to the model, `trained` those whose gradients there are.
    """

    base: Sequence[int]
    beside: Sequence[int]
    trained: Sequence[Trained]
    states: Sequence[int]

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
    beside = [*setup.added(training, trained=True), *setup.copies(training)]
    trained = [*beside, *setup.trained_base(training)]
    if training.optimizer not in OPTIMIZERS:
        raise InvalidInput(f"{argument('optimizer')}: {training.optimizer} has no replay yet")
    return Static(
        [*base_sizes(setup, training)],
        [each.bytes for each in (*beside, *setup.added(training, trained=False))],
        trained,
        [*OPTIMIZERS[training.optimizer].states(trained)],
    )


def base_sizes(setup: Setup, training: Training) -> Iterator[int]:
    """Yield the bytes of each tensor of the base, and of the frequencies of rotated positions, which are kept twice."""
    for node in setup.model.nodes:
        if isinstance(node, Module) and setup.is_quantised(node.name, training):
            yield from quantised_sizes(node.weight_params, training.quantize)
            if node.bias:
                yield node.h * training.plain_width
            continue
        for parameter in parameters_of(node):
            if parameter.name not in setup.model.tied:
                yield parameter.params * training.plain_width
    rotary = max((attention.rotary for attention in setup.body.attentions), default=0)
    yield from (rotary // 2 * FLOAT32, rotary // 2 * FLOAT32)


def quantised_sizes(n: int, how: str) -> list[int]:
    """Return the bytes of what bitsandbytes stores of a weight of `n` values: NF4 with a scale for each 64 of them."""
    blocks = -(-n // 64)
    if how == "nf4-double":
        return [-(-n // 2), 16 * 4, blocks, -(-blocks // 256) * 4, 256 * 4, 4]
    return [-(-n // 2), 16 * 4, blocks * 4]
