"""What the layers start from: embeddings of tokens, or of the patches of an image."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import FLOAT32, add, cast, dropout, passes, record, scale, shift
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Patches, Words


def embed(device: Device, own: Words | Patches, kept: list[Tensor]) -> Tensor:
    """Return what the layers start from. What the body's function still has while they run is `kept`.

    With checkpointing, what is looked up or convolved requires a gradient (`enable_input_require_grads`).
    """
    return _words(device, own, kept) if isinstance(own, Words) else _patches(device, own, kept)


def _words(device: Device, own: Words, kept: list[Tensor]) -> Tensor:
    prefix, training = device.setup.prefix, device.training
    x = device.embed(f"{prefix}{own.name}", training.tokens)
    if own.scaled == "after":
        x = scale(x)
    if own.projection is not None:
        x = device.linear(f"{prefix}{own.projection}", x)
    rows = [
        *(device.embed(f"{prefix}{table}", training.tokens) for table in own.each_token),
        *(device.embed(f"{prefix}{table}", training.seq) for table in own.each_position),
    ]
    if not own.apart:
        kept += [x, *rows]
    for each in rows:
        x = add(x, each)
    if own.norm is not None:
        x = normalise(device, f"{prefix}{own.norm.name}", own.norm, x)
    x = dropout(x, own.dropout)
    if own.last_projection is not None:
        x = device.linear(f"{prefix}{own.last_projection}", x)
    if own.apart:
        kept.append(x)
    return x


def _patches(device: Device, own: Patches, kept: list[Tensor]) -> Tensor:
    """`ViTEmbeddings`, after the image was turned into the type of the convolution's weight."""
    prefix, training = device.setup.prefix, device.training
    name = f"{prefix}{own.name}.{own.convolution}"
    width = device.weights(name).weight.width
    pixels = cast(Tensor(device.batch[0], training.batch * own.values, FLOAT32), width)
    patches = training.batch * (own.tokens - 1)
    x = device.convolve(name, pixels, patches)
    if training.checkpointing:
        x.requires_grad = True
        device.leaves.append(x)
    # The class token goes before the patches, which makes a copy; then positions are added.
    x = record([x], x.numel // patches * training.tokens, width, passes)
    x = dropout(shift(x, width), own.dropout)
    kept += [pixels, x]
    return x
