"""What is on the device all the time: the weights, what is trained beside them, and the optimizer's states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from lora_cli.analysis.memory.replay.ledger import rounded
from lora_cli.analysis.memory.replay.operations import FLOAT32
from lora_cli.analysis.memory.replay.optimizers import OPTIMIZERS, Trained
from lora_cli.analysis.memory.replay.quantised import PACKINGS
from lora_cli.analysis.memory.replay.refusals import check_loss, check_training
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.training import Training
from lora_cli.models.nodes import Buffer, Module
from lora_cli.models.parts.forward_pass import Body, Words
from lora_cli.models.parts.layers import parameters_of


class Static(NamedTuple):
    """The bytes of each tensor that is held all the time.

    `beside` are those that the method adds to the model, `trained` those whose gradients there are. The `paged` bytes
    are those of states that may be on the host instead.
    """

    base: Sequence[int]
    beside: Sequence[int]
    trained: Sequence[Trained]
    states: Sequence[int]
    paged: int

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
    trained = [each for each in (*beside, *setup.trained_base(training)) if each.reached]
    check_training(setup.plan, training)
    check_loss(training, setup.head, setup.model.output, setup.plan)
    return Static(
        [*base_sizes(setup, training)],
        [each.bytes for each in (*beside, *setup.added(training, trained=False))],
        trained,
        [*OPTIMIZERS[training.optimizer].states(trained)],
        sum(OPTIMIZERS[training.optimizer].paged(trained)),
    )


def base_sizes(setup: Setup, training: Training) -> Iterator[int]:
    """Yield the bytes of each tensor of the base, and of the frequencies of rotated positions, which are kept twice."""
    for node in setup.model.nodes:
        if isinstance(node, Module) and setup.is_quantised(node.name, training):
            packing = PACKINGS[training.quantize]
            yield from packing.sizes(node.weight_params, node.h)
            if node.bias:
                yield node.h * packing.bias_width(training)
            continue
        if isinstance(node, Buffer):
            yield prod(node.shape) * setup.width_of(node, training)
        for parameter in parameters_of(node):
            if parameter.name not in setup.model.tied:
                yield parameter.params * setup.width_of(parameter, training)
    yield from _buffers(setup.body)


def _buffers(body: Body) -> Iterator[int]:
    """Yield the bytes of what a body holds beside parameters: two tables of frequencies in float32, and a scale."""
    for *_, rotary in body.angles:
        yield from [rotary // 2 * FLOAT32] * 2
    if isinstance(body.embeddings, Words):
        yield from (count * 8 for count in body.embeddings.indices)
        yield FLOAT32 if body.embeddings.scaled == "within" else 0


def preparation(setup: Setup, training: Training) -> tuple[int, int]:
    """Return the bytes that `prepare_model_for_kbit_training` adds by float32, and those that the packing saves."""
    prepared, plain = (sum(map(rounded, base_sizes(setup, training._replace(kbit_prepare=on)))) for on in (True, False))
    unpacked = sum(map(rounded, base_sizes(setup, training._replace(quantize="none"))))
    return prepared - plain, unpacked - plain
