"""Attention: projections, rotated positions, and the kernel that PyTorch takes on CUDA."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    cast,
    clone,
    concatenate,
    dropout,
    makes,
    part,
    pointwise,
    product,
    record,
    repeat,
    scale,
    shift,
    softmax,
    split,
)
from lora_cli.analysis.memory.replay.parts.kernels import MAX_FLASH_WIDTH, efficient, flash, flops_of_scores
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Attention


def attend(device: Device, name: str, own: Attention, x: Tensor) -> Tensor:
    """Run an attention with its output projection."""
    q, k, v = _projected(device, name, own, x)
    if own.norms is not None and not own.norms_whole:
        q = normalise(device, f"{name}.{own.norms[0].name}", own.norms[0], q)
        k = normalise(device, f"{name}.{own.norms[1].name}", own.norms[1], k)
    if own.rotary == own.width:
        q, k = _rotated(device, q), _rotated(device, k)
    elif own.by_heads:
        q, k = _rotated_in_part(device, own, q, k)
    kernel = _eager if device.training.attention == "eager" else _sdpa
    out = kernel(device, own, q, k, v)
    return device.linear(f"{name}.{own.output}", out)


def _projected(device: Device, name: str, own: Attention, x: Tensor) -> list[Tensor]:
    """Return q, k and v."""
    if len(own.inputs) == 1:
        qkv = device.linear(f"{name}.{own.inputs[0]}", x)
        each = qkv.numel // (own.heads + 2 * own.groups)
        return split(qkv, own.heads * each, own.groups * each, own.groups * each)
    made = []
    for index, projection in enumerate(own.inputs):
        out = device.linear(f"{name}.{projection}", x)
        if own.norms is not None and own.norms_whole and index < len(own.norms):
            norm = own.norms[index]
            out = normalise(device, f"{name}.{norm.name}", norm, out)
        made.append(out)
    return made


def _rotated(device: Device, x: Tensor) -> Tensor:
    """Return x·cos + rotate_half(x)·sin (`apply_rotary_pos_emb`)."""
    width = device.hidden_width
    return add(scale(x, width), scale(_half_turned(x), width))


def _rotated_in_part(device: Device, own: Attention, q: Tensor, k: Tensor) -> list[Tensor]:
    """Rotate a part of each head's width, and put it and the rest together again."""
    halves = [_parted(each, each.numel * own.rotary // own.width) for each in (q, k)]
    rotated = [_rotated(device, part) for part, _ in halves]
    for index, (_, rest) in enumerate(halves):
        rotated[index] = concatenate(rotated[index], rest)
    return rotated


def _parted(x: Tensor, numel: int) -> tuple[Tensor, Tensor]:
    return part(x, numel), part(x, x.numel - numel)


def _half_turned(x: Tensor) -> Tensor:
    """Return the halves exchanged, the first of them negated (`rotate_half`)."""
    size = x.numel * x.width
    negative = Storage(x.tape, size // 2)
    out = record([x], x.numel, x.width, makes(size, beside=[size // 2, size]))
    del negative
    return out


def _eager(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Run `eager_attention_forward`: the scores of all pairs of tokens exist."""
    times, width = own.heads // own.groups, q.width
    k = repeat(k, times) if times > 1 else _batched(device, k, packed=own.by_heads)
    v = repeat(v, times) if times > 1 else _batched(device, v)
    weights = _scores(device, own, q, k)
    weights = cast(_softmax(device, own, weights), width)
    weights = dropout(weights, own.dropout)
    return clone(product(device.lower(weights), device.lower(v), q.numel, flops_of_scores(device, q)))


def _softmax(device: Device, own: Attention, weights: Tensor) -> Tensor:
    """Return the softmax, in float32 where the model or autocast asks for it."""
    training = device.training
    if not own.float_softmax and training.autocast is None:
        return softmax(weights, weights.width)
    if (training.autocast or training.dtype) != "float16":
        # CUDA turns float16 into float32 within the kernel, and no other type.
        weights = cast(weights, FLOAT32)
    return softmax(weights, FLOAT32)


def _batched(device: Device, x: Tensor, *, packed: bool = False) -> Tensor:
    """Return q, k or v as a product of batches takes it: a copy, unless it is `packed` by heads or of one text."""
    return x if packed or device.training.batch == 1 else clone(x)


def _scores(device: Device, own: Attention, q: Tensor, k: Tensor) -> Tensor:
    """Return the scores of all pairs of tokens, with the mask added."""
    training = device.training
    q = _batched(device, q, packed=own.by_heads)
    numel = training.batch * own.heads * training.seq**2
    scores = scale(product(device.lower(q), device.lower(k), numel, flops_of_scores(device, q)))
    if own.soft_cap:
        scores = scale(pointwise(scale(scores), saves="output"))
    return shift(scores) if device.mask(own) is not None else scores


def _sdpa(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Run `sdpa_attention_forward` with the kernel that PyTorch takes: flash attention where it can.

    That needs 16 bits, an Ampere card or a newer one, and no mask. For the memory-efficient kernel transformers repeats
    k and v for all heads.
    """
    q, k, v = device.lower(q), device.lower(k), device.lower(v)
    training, mask = device.training, device.mask(own)
    if mask is None and q.width < FLOAT32 and training.has_flash and own.width <= MAX_FLASH_WIDTH:
        out = flash(device, own, q, k, v)
        # Its result lies in memory as q does, and the output projection needs the tokens one after the other.
        return clone(out) if own.by_heads else out
    times = own.heads // own.groups
    return efficient(device, own, q, repeat(k, times), repeat(v, times), is_masked=mask is not None)
