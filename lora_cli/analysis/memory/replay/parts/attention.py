"""Attention: projections, rotated positions, and the kernel that PyTorch takes on CUDA."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    cast,
    clone,
    dropout,
    makes,
    part,
    product,
    record,
    repeat,
    scale,
    shift,
    soft_cap,
    softmax,
    split,
    take,
)
from lora_cli.analysis.memory.replay.parts.biases import as_mask, plus, shared_bias
from lora_cli.analysis.memory.replay.parts.kernels import (
    MAX_FLASH_WIDTH,
    additive,
    batched,
    efficient,
    flash,
    flops_of_scores,
    numel_of_result,
    plain,
    plain_single,
)
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.parts.rotary import rotate
from lora_cli.analysis.memory.replay.parts.sinks import softmax_with_sinks
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Attention


def attend(device: Device, name: str, own: Attention, x: Tensor) -> Tensor:
    """Run an attention with its output projection."""
    q, k, v = _projected(device, name, own, x)
    if own.clipped:
        q, k, v = _clipped(q), _clipped(k), _clipped(v)
    if own.indexed == "groups":
        own = own._replace(groups=own.heads)
    bias = shared_bias(device, name, own, q.width) if own.bias else None
    if own.norm_time == "all_projected":
        q, k = _normed(device, name, own, q, k)
    if own.rotary:
        q, k = rotate(device, own, q, k)
    if own.scaled_queries:
        q = scale(q, q.width)
    if own.norm_time == "rotated":
        q, k = _normed(device, name, own, q, k)
    out = look_up(device, own, q, k, v, bias)
    if own.keeps:
        device.kept_in_branch.append(out)
    out = device.linear(f"{name}.{own.output}", out)
    if own.indexed:
        device.kept_in_branch.clear()
    return out


def _projected(device: Device, name: str, own: Attention, x: Tensor) -> list[Tensor]:
    """Return q, k and v."""
    if len(own.inputs) == 1:
        qkv = device.linear(f"{name}.{own.inputs[0]}", x)
        each = qkv.numel // (own.heads + 2 * own.groups)
        if own.indexed:
            # The attention's own function still has what it split.
            device.kept_in_branch.append(qkv)
            return _indexed(own, qkv, each)
        numels = own.heads * each, own.groups * each, own.groups * each
        return [part(qkv, numel) for numel in numels] if own.sliced else split(qkv, *numels)
    made = []
    for index, projection in enumerate(own.inputs):
        source = device.shared.encoded if own.crosses and index else None
        out = device.linear(f"{name}.{projection}", source or x)
        if own.norms is not None and own.norm_time == "projected" and index < len(own.norms):
            norm = own.norms[index]
            out = normalise(device, f"{name}.{norm.name}", norm, out)
        if own.scales_q and index == 0:
            out = scale(out)
        made.append(out)
    return made


def _clipped(x: Tensor) -> Tensor:
    """Bound values in place, for which autograd copies them first; the gradient takes a byte for each and each bound."""
    if not x.requires_grad:
        return x
    return record([x], x.numel, x.width, makes(x.numel * x.width, beside=[x.numel] * 2), saves=[x])


def _indexed(own: Attention, qkv: Tensor, each: int) -> list[Tensor]:
    """Return q, k and v of `FalconAttention`: copies, of groups for all of their heads."""
    q = part(qkv, own.heads * each)
    others = [take(qkv, own.groups * each) for _ in range(2)]
    if own.indexed == "single":
        return [q, *others]
    times = own.heads // own.groups
    return [q if own.groups == 1 else clone(q), *(repeat(other, times, own.groups) for other in others)]


def _normed(device: Device, name: str, own: Attention, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Return q and k, normed where the attention has norms for them."""
    if own.norms is not None:
        q = normalise(device, f"{name}.{own.norms[0].name}", own.norms[0], q)
        k = normalise(device, f"{name}.{own.norms[1].name}", own.norms[1], k)
    return q, k


def look_up(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return what tokens look up of v by the scores of q and k, to which a bias may be added."""
    kernel = _eager if device.training.attention == "eager" else _sdpa
    return kernel(device, own, q, k, v, bias)


def _eager(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Run `eager_attention_forward`: the scores of all pairs of tokens exist."""
    width, times, numel = q.width, own.heads // own.groups, numel_of_result(q, k, v)
    k, v = repeat(k, times, own.groups), repeat(v, times, own.groups)
    weights = _scores(device, own, q, k, bias)
    weights = softmax_with_sinks(device, own, weights) if own.sinks else _softmax(device, own, weights)
    if own.casts_weights:
        weights = cast(weights, width)
    weights = dropout(weights, own.dropout)
    device.attention_weights = weights
    weights, v = device.lower(weights), device.lower(v)
    if own.groups in {1, own.heads}:
        v = batched(device, v)
    return clone(product(weights, v, numel, flops_of_scores(device, numel)))


def _softmax(device: Device, own: Attention, weights: Tensor) -> Tensor:
    """Return the softmax, in float32 where the model or autocast asks for it."""
    training = device.training
    if not own.float_softmax and training.autocast is None:
        return softmax(weights, weights.width)
    if (training.autocast or training.dtype) != "float16":
        # CUDA turns float16 into float32 within the kernel, and no other type.
        weights = cast(weights, FLOAT32)
    return softmax(weights, FLOAT32)


def _scores(device: Device, own: Attention, q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    """Return the scores of all pairs of tokens, with the mask added."""
    training = device.training
    q, k = device.lower(q), device.lower(k)
    q = batched(device, q, packed=own.by_heads)
    if own.groups in {1, own.heads}:
        k = batched(device, k, packed=own.by_heads and own.groups == own.heads)
    numel = training.batch * own.heads * training.seq**2
    scores = product(q, k, numel, flops_of_scores(device, q.numel))
    if own.scales_in_place:
        # The name of the weights is that of the scores first.
        device.attention_weights = scores
    else:
        scores = scale(scores)
    if own.soft_cap:
        scores = soft_cap(scores)
    if bias is not None:
        scores = plus(scores, bias)
    return shift(scores, device.hidden_width) if device.mask(own) is not None else scores


def _sdpa(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Run `sdpa_attention_forward` with the kernel that PyTorch takes: flash attention where it can.

    That needs 16 bits, an Ampere card or a newer one, values as wide as keys, and no mask. transformers repeats k and v
    for all heads where there is a mask, or no flash attention; the memory-efficient kernel knows no grouped heads, and
    what neither takes is computed in plain operations.
    """
    training, is_masked, times = device.training, device.mask(own) is not None, own.heads // own.groups
    if (is_masked or not training.has_flash) and own.indexed != "single":
        k, v = repeat(k, times, own.groups), repeat(v, times, own.groups)
    q, k, v = device.lower(q), device.lower(k), device.lower(v)
    if bias is not None:
        return efficient(device, own, q, k, v, device.lower(as_mask(device, own, bias)))
    is_narrow = own.width <= MAX_FLASH_WIDTH and k.numel == v.numel
    if not is_masked and q.width < FLOAT32 and training.has_flash and is_narrow:
        out = flash(device, own, q, k, v)
        # Its result lies in memory as q does, and the output projection needs the tokens one after the other.
        return clone(out) if own.by_heads else out
    if own.indexed == "single":
        return plain_single(device, q, k, v)
    if training.has_flash and times > 1 and not is_masked:
        return clone(plain(device, own, q, k, v))
    out = efficient(device, own, q, k, v, additive(device, q.width) if is_masked else None)
    # cuDNN's takes the same, and its result lies in memory as q does too (`alloc_with_matching_layout`).
    return clone(out) if own.by_heads and training.prefers_cudnn and q.width < FLOAT32 else out
