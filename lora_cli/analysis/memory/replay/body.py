"""The pass through a model's body: embeddings, masks, layers and the last norm; of an encoder first, if there is one."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device, Shared
from lora_cli.analysis.memory.replay.layer_runs import layer_runs
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import FLOAT32, dropout
from lora_cli.analysis.memory.replay.parts.blocks import run_block
from lora_cli.analysis.memory.replay.parts.embeddings import embed
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Angles, Body, Reach


def run_body(device: Device, body: Body) -> Tensor:
    """Return the last hidden states."""
    encoded = None
    if body.encoder is not None:
        encoded = run_body(device, body.encoder)
        device.outputs.append(encoded.storage)
    kept: list[Tensor] = []
    hidden = embed(device, body.embeddings, kept)
    device.hidden_width = hidden.width
    biases: dict[str, Tensor] = {}
    shared = Shared(_masks(device, body), _angles(device, body), biases, encoded)
    # An allocator has to see every layer.
    is_whole = device.tape.allocator is not None
    runs = [(range(len(body.blocks)), 1)] if is_whole else layer_runs(device.setup, body)
    for layers, times in runs:
        with device.tape.repeated(times):
            for index in layers:
                hidden = _layer(device, body, index, hidden, shared)
                biases.update(device.made_biases)
                device.made_biases.clear()
    if body.final is not None:
        hidden = normalise(device, f"{device.setup.prefix}{body.final.name}", body.final, hidden)
    if body.projection is not None:
        hidden = device.linear(f"{device.setup.prefix}{body.projection}", hidden)
    device.weights_before = None
    return dropout(hidden, body.dropout)


def _masks(device: Device, body: Body) -> dict[Reach, Storage]:
    """Make the masks that layers share: additive for eager attention, of a byte for each pair for the kernels.

    The mask of a kernel is the same for all texts of a batch that is not padded.
    """
    training = device.training
    pairs, made = training.seq**2, {}
    for causal, window in {attention.reach for attention in body.attentions} | body.reaches:
        # The texts of a decoder behind an encoder are not padded.
        padded = training.padded and not (causal and body.encoder)
        if not causal and not padded:
            continue
        if training.attention == "eager":
            made[causal, window] = Storage(device.tape, training.batch * pairs * device.hidden_width)
        elif padded:
            made[causal, window] = Storage(device.tape, training.batch * pairs)
        elif (window is not None and training.seq >= window) or any(each.masked for each in body.attentions):
            made[causal, window] = Storage(device.tape, pairs)
    return made


def _angles(device: Device, body: Body) -> dict[Angles, tuple[Tensor, Tensor]]:
    """Make the cosines and sines of all positions, in the type of the hidden states unless the model wants float32."""
    made = {}
    for angles in body.angles:
        _, in_float, each_text, rotary = angles
        width, numel = (
            FLOAT32 if in_float else device.hidden_width,
            (device.training.tokens if each_text else device.training.seq) * rotary,
        )
        cos, sin = (Tensor(Storage(device.tape, numel * width), numel, width) for _ in range(2))
        made[angles] = cos, sin
    return made


def _layer(device: Device, body: Body, index: int, hidden: Tensor, shared: Shared) -> Tensor:
    """Run a layer, under a checkpoint where that is wanted, which holds what the layer needs until it is run again."""
    name, block = f"{device.setup.prefix}{body.layers}.{index}", body.blocks[index]
    shared = shared.of(block)

    def run() -> Tensor:
        device.shared = shared
        try:
            return run_block(device, name, block, hidden)
        finally:
            device.end_of_layer()

    return device.tape.checkpointed(run) if device.training.checkpointing else run()
