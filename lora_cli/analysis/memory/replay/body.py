"""The pass through a model's body: embeddings, masks, layers and the last norm; of an encoder first, if there is one."""

from __future__ import annotations

from collections.abc import Set

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.layer_runs import layer_runs
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import FLOAT32
from lora_cli.analysis.memory.replay.parts.blocks import run_block
from lora_cli.analysis.memory.replay.parts.embeddings import embed
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Body, Reach


def run_body(device: Device, body: Body) -> Tensor:
    """Return the last hidden states."""
    if body.encoder is not None:
        device.encoded = run_body(device, body.encoder)
    kept: list[Tensor] = []
    hidden = embed(device, body.embeddings, kept)
    device.hidden_width = hidden.width
    reaches = {attention.reach for attention in body.attentions}
    device.masks.update(_masks(device, reaches))
    unused = _masks(device, body.reaches - reaches)
    _make_angles(device, body)
    # An allocator has to see every layer.
    is_whole = device.tape.allocator is not None
    runs = [(range(len(body.blocks)), 1)] if is_whole else layer_runs(device.setup, body)
    for layers, times in runs:
        with device.tape.repeated(times):
            for index in layers:
                hidden = _layer(device, body, index, hidden)
    if not device.training.checkpointing:
        # What is not run again is let go of; a checkpoint holds its inputs until it is.
        device.end_of_body()
        del unused
    if body.final is not None:
        hidden = normalise(device, f"{device.setup.prefix}{body.final.name}", body.final, hidden)
    return hidden if body.projection is None else device.linear(f"{device.setup.prefix}{body.projection}", hidden)


def _masks(device: Device, reaches: Set[Reach]) -> dict[Reach, Storage]:
    """Make the masks that layers share: additive for eager attention, of a byte for each pair for the kernels."""
    training = device.training
    pairs, made = training.batch * training.seq**2, {}
    for causal, window in reaches:
        if not causal and not training.padded:
            continue
        if training.attention == "eager":
            made[causal, window] = Storage(device.tape, pairs * device.hidden_width)
        elif training.padded or (window is not None and training.seq >= window):
            made[causal, window] = Storage(device.tape, pairs)
    return made


def _make_angles(device: Device, body: Body) -> None:
    """Make the cosines and sines of all positions, in the type of the hidden states unless the model wants float32."""
    for angles in body.angles:
        _, in_float, rotary = angles
        width, numel = FLOAT32 if in_float else device.hidden_width, device.training.seq * rotary
        cos, sin = (Tensor(Storage(device.tape, numel * width), numel, width) for _ in range(2))
        device.angles[angles] = cos, sin


def _layer(device: Device, body: Body, index: int, hidden: Tensor) -> Tensor:
    """Run a layer, under a checkpoint where that is wanted."""
    name, block = f"{device.setup.prefix}{body.layers}.{index}", body.blocks[index]

    def run() -> Tensor:
        try:
            return run_block(device, name, block, hidden)
        finally:
            if device.tape.is_backward:
                # A second run is under an autocast of its own.
                device.forget_casts()

    return device.tape.checkpointed(run) if device.training.checkpointing else run()
