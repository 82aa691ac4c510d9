"""Attention: projections, rotated positions, and the kernel that PyTorch takes on CUDA."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    cast,
    clone,
    dropout,
    makes,
    pointwise,
    product,
    record,
    repeat,
    scale,
    shift,
    softmax,
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
    if own.rotary:
        q, k = _rotated(device, q), _rotated(device, k)
    kernel = _eager if device.training.attention == "eager" else _sdpa
    out = kernel(device, own, q, k, v)
    return device.linear(f"{name}.{own.output}", out)


def _projected(device: Device, name: str, own: Attention, x: Tensor) -> list[Tensor]:
    """Return q, k and v."""
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


def _half_turned(x: Tensor) -> Tensor:
    """Return the halves exchanged, the first of them negated (`rotate_half`)."""
    size = x.numel * x.width
    negative = Storage(x.tape, size // 2)
    out = record([x], x.numel, x.width, makes(size, beside=[size // 2, size]))
    del negative
    return out


def _eager(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Run `eager_attention_forward`: the scores of all pairs of tokens exist."""
    training, times = device.training, own.heads // own.groups
    width = q.width
    k, v = _for_all_heads(k, times), _for_all_heads(v, times)
    weights = _scores(device, own, q, k)
    if training.dtype == "bfloat16" or width == FLOAT32:
        # CUDA turns float16 into float32 within the kernel, and no other type.
        weights = cast(weights, FLOAT32)
    weights = cast(softmax(weights, FLOAT32), width)
    weights = dropout(weights, own.dropout)
    return clone(product(device.lower(weights), device.lower(v), q.numel, flops_of_scores(device, q)))


def _for_all_heads(x: Tensor, times: int) -> Tensor:
    """Return k or v as a product needs it: repeated, or else made contiguous."""
    return repeat(x, times) if times > 1 else clone(x)


def _scores(device: Device, own: Attention, q: Tensor, k: Tensor) -> Tensor:
    """Return the scores of all pairs of tokens, with the mask added."""
    training = device.training
    numel = training.batch * own.heads * training.seq**2
    scores = scale(product(device.lower(clone(q)), device.lower(k), numel, flops_of_scores(device, q)))
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
        return flash(device, own, q, k, v)
    times = own.heads // own.groups
    return efficient(device, own, q, repeat(k, times), repeat(v, times), is_masked=mask is not None)
