"""One training step of a model, replayed: forward, loss, backward and optimizer."""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.analysis.memory.replay.body import run_body
from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Allocator, Peak, Storage
from lora_cli.analysis.memory.replay.losses import LOSSES, run_head
from lora_cli.analysis.memory.replay.operations import FLOAT32
from lora_cli.analysis.memory.replay.optimizers import OPTIMIZERS, clip
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.static import Static, static
from lora_cli.analysis.memory.replay.tape import Tape
from lora_cli.analysis.memory.training import Training
from lora_cli.models.parts.forward_pass import Patches

# An index of a token, or a label.
INDEX = 8


class Step(NamedTuple):
    """What a step holds: all the time, and at the most in each phase beside that."""

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


def replay(setup: Setup, training: Training, allocator: Allocator | None = None) -> Step:
    """Return what one step of a training holds. With an allocator every layer is replayed, not only those that differ."""
    if setup.body.only_eager:
        training = training._replace(attention="eager")
    if isinstance(setup.body.embeddings, Patches):
        training = training._replace(seq=setup.body.embeddings.tokens, padded=False)
    kept = 0
    if training.logits_kept:
        # A loop that keeps its outputs still has those of the step before.
        kept = _run(setup, training, Tape())[1]
    return _run(setup, training, Tape(allocator), kept)[0]


def _run(setup: Setup, training: Training, tape: Tape, kept: int = 0) -> tuple[Step, int]:
    """Return what a step holds, and the bytes of its outputs; `kept` is that of earlier ones, if they are kept."""
    held = static(setup, training)
    device = Device(setup, training, tape)
    phases = {}
    # The batch is there from before the forward until the optimizer is done, and so are outputs that are kept.
    device.batch = _batch(device)
    device.outputs = [Storage(tape, kept)]
    logits, loss = run_head(device, setup.head, run_body(device, setup.body))
    device.forget_casts()
    device.outputs = [*device.outputs[1:], logits.storage]
    # A leaf has a gradient as large as itself.
    size = sum(output.bytes for output in device.outputs) + sum(2 * leaf.storage.bytes for leaf in device.leaves)
    if not training.logits_kept:
        device.outputs.clear()
    del logits
    phases["forward"] = tape.peak()
    tape.backward(loss)
    device.end_of_backward()
    phases["backward"] = tape.peak()
    clip(tape, held.trained)
    OPTIMIZERS[training.optimizer].step(tape, held.trained)
    phases["optimizer"] = tape.peak()
    return Step(held, phases, tape.flops), size


def _batch(device: Device) -> list[Storage]:
    """Return the tokens or the images in float32, the labels, and the mask of a batch that is padded."""
    training, embeddings = device.training, device.setup.body.embeddings
    labels = [count * INDEX for count in LOSSES[device.setup.head.loss].labels(training)]
    if isinstance(embeddings, Patches):
        sizes = [training.batch * embeddings.values * FLOAT32, *labels]
    else:
        sizes = [training.tokens * INDEX, *labels, *([training.tokens * INDEX] if training.padded else [])]
    return [Storage(device.tape, size) for size in sizes]
