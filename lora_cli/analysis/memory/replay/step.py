"""One training step of a model, replayed: forward, loss, backward and optimizer."""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import FLOAT32, cast, makes, record, scale
from lora_cli.analysis.memory.replay.parts.blocks import run_block
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.setup import Setup, layer_runs
from lora_cli.analysis.memory.replay.static import Static, static
from lora_cli.analysis.memory.replay.tape import Allocator, Kind, Peak, Storage, Tape, Tensor
from lora_cli.analysis.memory.training import Training

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
    tape = Tape(allocator)
    device = Device(setup, training, tape)
    phases = {}
    # The batch is there from before the forward until the optimizer is done, and so are outputs that are kept.
    batch = [Storage(tape, training.tokens * INDEX) for _ in range(3 if training.padded else 2)]
    outputs = _outputs_of_last_step(device)
    hidden = embedded = _embedded(device)
    device.hidden_width = hidden.width
    _make_masks(device)
    angles = _angles(device, hidden)
    layers = layer_runs(setup) if allocator is None else [(index, 1) for index in range(len(setup.body.blocks))]
    for index, times in layers:
        with tape.repeated(times):
            hidden = _layer(device, index, hidden)
    if not training.checkpointing:
        # What is not run again is let go of; a checkpoint holds its inputs until it is.
        device.masks.clear()
        del embedded
    hidden = _final_norm(device, hidden)
    tape.kind = Kind.LOSS
    assert setup.model.output is not None
    logits = device.linear(setup.model.output, hidden)
    loss = causal_loss(logits)
    device.end_of_autocast()
    outputs = logits if training.logits_kept else None
    del logits, hidden
    phases["forward"] = tape.peak()
    tape.backward(loss)
    phases["backward"] = tape.peak()
    held = static(setup, training)
    temporaries = [Storage(tape, size) for size in held.temporaries]
    del temporaries, batch, outputs, angles
    phases["optimizer"] = tape.peak()
    return Step(held, phases, tape.flops)


def _embedded(device: Device) -> Tensor:
    """Return the embeddings of the batch. With checkpointing they require a gradient (`enable_input_require_grads`)."""
    setup, body = device.setup, device.setup.body
    hidden = device.embed(f"{setup.prefix}{body.embeddings}", device.training.tokens)
    if device.training.checkpointing:
        hidden.requires_grad = True
    return scale(hidden) if body.scaled_embeddings else hidden


def _outputs_of_last_step(device: Device) -> object:
    """Return the logits that a loop still has from the step before, if it keeps them."""
    training, head = device.training, device.weights(device.setup.model.output or "")
    return Storage(device.tape, training.tokens * head.h * head.weight.width) if training.logits_kept else None


def _make_masks(device: Device) -> None:
    """Make the masks that all layers share: additive for eager attention, of a byte for each pair for the kernels."""
    training, tape = device.training, device.tape
    pairs = training.batch * training.seq**2
    for window in {attention.window for attention in device.setup.attentions}:
        if training.attention == "eager":
            device.masks[window] = Storage(tape, pairs * device.hidden_width)
        elif training.padded or (window is not None and training.seq > window):
            device.masks[window] = Storage(tape, pairs)


def _angles(device: Device, hidden: Tensor) -> list[Storage]:
    """Make the cosines and sines of all positions, in the type of the hidden states."""
    rotary = max(attention.rotary for attention in device.setup.attentions)
    return [Storage(device.tape, device.training.seq * rotary * hidden.width) for _ in range(2)]


def _layer(device: Device, index: int, hidden: Tensor) -> Tensor:
    """Run a layer, under a checkpoint where that is wanted."""
    setup = device.setup
    name, block = f"{setup.prefix}{setup.body.layers}.{index}", setup.body.blocks[index]

    def run() -> Tensor:
        return run_block(device, name, block, hidden)

    return device.tape.checkpointed(run) if device.training.checkpointing else run()


def _final_norm(device: Device, hidden: Tensor) -> Tensor:
    setup, norm = device.setup, device.setup.body.final
    return hidden if norm is None else normalise(device, f"{setup.prefix}{norm.name}", norm, hidden)


def causal_loss(logits: Tensor) -> Tensor:
    """Return the cross entropy of every token's scores in float32 (`ForCausalLMLoss`)."""
    logits = cast(logits, FLOAT32)
    backward = makes(logits.numel * FLOAT32)
    scores = record([logits], logits.numel, FLOAT32, backward, saves_output=True)
    return record([scores], 1, FLOAT32, backward, saves=[scores])
