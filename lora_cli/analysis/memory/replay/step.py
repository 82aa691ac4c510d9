"""One training step of a model, replayed: forward, loss and backward of each batch, and optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lora_cli.analysis.memory.replay.body import run_body
from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Allocator, Peak, Storage
from lora_cli.analysis.memory.replay.losses import LOSSES, run_head
from lora_cli.analysis.memory.replay.operations import FLOAT32
from lora_cli.analysis.memory.replay.optimizers import OPTIMIZERS, clip
from lora_cli.analysis.memory.replay.parameters import Parameters
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.static import Static, static
from lora_cli.analysis.memory.replay.tape import Tape, Tensor
from lora_cli.analysis.memory.training import Training
from lora_cli.models.parts.forward_pass import Patches

# An index of a token, or a label.
INDEX = 8
# Of the passes of a step the second has all that any later one has: the gradients of those before it.
MOST_PASSES = 2


class Step(NamedTuple):
    """What a step holds: all the time, and at the most in each phase beside that. `flops` are those of one batch."""

    static: Static
    phases: dict[str, Peak]
    flops: dict[tuple[str, str], int]

    @property
    def static_bytes(self) -> int:
        """What is held all the time."""
        return self.static.weights + self.static.adapter_weights + self.static.optimizer

    @property
    def peak_phase(self) -> str:
        """The phase of the peak."""
        return max(self.phases, key=lambda phase: self.phases[phase].total)

    @property
    def peak_bytes(self) -> int:
        """`torch.cuda.max_memory_allocated` of the step."""
        return self.static_bytes + self.phases[self.peak_phase].total


def replay(
    setup: Setup, training: Training, allocator: Allocator | None = None, processors: tuple[int, int] | None = None
) -> Step:
    """Return what one step of a training holds. With an allocator every layer is replayed, not only those that differ.

    With a card's `processors`, its buffers for sums are counted. A loop that keeps its outputs still has those of the step before until its forward has run.
    """
    training = _of_body(setup, training)
    held = static(setup, training)
    kept = _pass(setup, training, Tape(), Parameters(setup, training)).kept if training.logits_kept else 0
    tape, parameters = Tape(allocator, processors), Parameters(setup, training)
    for _ in range(min(training.accumulate, MOST_PASSES) - 1):
        _pass(setup, training, tape, parameters, kept)
    last = _pass(setup, training, tape, parameters, kept)
    clip(tape, held.trained)
    OPTIMIZERS[training.optimizer].step(tape, held.trained)
    return Step(held, last.phases | {"optimizer": tape.peak()}, last.flops)


def _of_body(setup: Setup, training: Training) -> Training:
    """Return the settings as the model's body takes them: its own attention, and the patches of an image."""
    if setup.body.only_eager:
        training = training._replace(attention="eager")
    if isinstance(setup.body.embeddings, Patches):
        training = training._replace(seq=setup.body.embeddings.tokens, padded=False)
    return training


class Pass(NamedTuple):
    """A forward and backward: what is there until the next one, the peaks, the operations, and the bytes of outputs kept."""

    alive: tuple[Device, Tensor, Mapping[Storage, int]]
    phases: dict[str, Peak]
    flops: dict[tuple[str, str], int]
    kept: int


def _pass(setup: Setup, training: Training, tape: Tape, parameters: Parameters, before: int = 0) -> Pass:
    """Run the forward and backward of a batch; `before` are the bytes that the outputs of the one before keep."""
    device = Device(setup, setup.extended(training), tape, parameters)
    tape.begin()
    phases = {}
    # The batch is there from before the forward until the optimizer is done, and so are outputs that are kept.
    outputs_before = Storage(tape, before)
    device.batch = _batch(setup, training, tape)
    logits, loss = run_head(device, setup.head, run_body(device, setup.body))
    device.inputs.clear()
    device.forget_casts()
    del outputs_before
    outputs: dict[Storage, int] = {}
    if training.logits_kept:
        outputs = dict.fromkeys((*device.outputs, logits.storage), 1)
    device.outputs.clear()
    del logits
    phases["forward"] = tape.peak()
    tape.backward(loss)
    device.end_of_backward()
    phases["backward"] = tape.peak()
    if training.logits_kept:
        # They hold on to the graph and its leaves, each with a gradient as large as itself.
        outputs |= {storage: 1 for leaf in device.leaves for storage in (leaf.storage, leaf.gradient) if storage}
        graph = {each if isinstance(each, Storage) else each.gradient: times for each, times in device.held.items()}
        outputs |= {storage: times for storage, times in graph.items() if storage}
    kept = sum(output.bytes * times for output, times in outputs.items())
    return Pass((device, loss, outputs), phases, tape.flops, kept)


def _batch(setup: Setup, training: Training, tape: Tape) -> list[Storage]:
    """Return the tokens or the images in float32, the labels, and the mask of a batch that is padded."""
    embeddings = setup.body.embeddings
    labels = [count * INDEX for count in LOSSES[setup.head.loss].labels(training)]
    if isinstance(embeddings, Patches):
        sizes = [training.batch * embeddings.values * FLOAT32, *labels]
    else:
        sizes = [training.tokens * INDEX, *labels, *([training.tokens * INDEX] if training.padded else [])]
    return [Storage(tape, size) for size in sizes]
