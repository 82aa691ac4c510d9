"""The pass through a model's body: embeddings, masks, layers and the last norm; of an encoder first, if there is one."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.parts.blocks import run_block
from lora_cli.analysis.memory.replay.parts.embeddings import embed
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.setup import layer_runs
from lora_cli.analysis.memory.replay.tape import Storage, Tensor
from lora_cli.models.parts.forward_pass import Body


def run_body(device: Device, body: Body) -> Tensor:
    """Return the last hidden states."""
    if body.encoder is not None:
        device.encoded = run_body(device, body.encoder)
    hidden = embedded = embed(device, body.embeddings)
    device.hidden_width = hidden.width
    _make_masks(device, body)
    _make_angles(device, body)
    # An allocator has to see every layer.
    is_whole = device.tape.allocator is not None
    runs = [(index, 1) for index in range(len(body.blocks))] if is_whole else layer_runs(device.setup, body)
    for index, times in runs:
        with device.tape.repeated(times):
            hidden = _layer(device, body, index, hidden)
    if not device.training.checkpointing:
        # What is not run again is let go of; a checkpoint holds its inputs until it is.
        device.masks.clear()
        del embedded
    if body.final is None:
        return hidden
    return normalise(device, f"{device.setup.prefix}{body.final.name}", body.final, hidden)


def _make_masks(device: Device, body: Body) -> None:
    """Make the masks that all layers share: additive for eager attention, of a byte for each pair for the kernels."""
    training, tape = device.training, device.tape
    pairs = training.batch * training.seq**2
    for causal, window in {attention.reach for attention in body.attentions}:
        if training.attention == "eager":
            device.masks[causal, window] = Storage(tape, pairs * device.hidden_width)
        elif training.padded or (window is not None and training.seq > window):
            device.masks[causal, window] = Storage(tape, pairs)


def _make_angles(device: Device, body: Body) -> None:
    """Make the cosines and sines of all positions, in the type of the hidden states."""
    rotary = max((attention.rotary for attention in body.attentions), default=0)
    if rotary:
        size = device.training.seq * rotary * device.hidden_width
        device.angles += [Storage(device.tape, size) for _ in range(2)]


def _layer(device: Device, body: Body, index: int, hidden: Tensor) -> Tensor:
    """Run a layer, under a checkpoint where that is wanted."""
    name, block = f"{device.setup.prefix}{body.layers}.{index}", body.blocks[index]

    def run() -> Tensor:
        try:
            return run_block(device, name, block, hidden)
        finally:
            device.end_of_layer()

    return device.tape.checkpointed(run) if device.training.checkpointing else run()
