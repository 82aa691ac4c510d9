"""The attention kernels of PyTorch on CUDA: what each saves, and what its backward needs beside the gradients."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import SCORES, Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    cast,
    clone,
    makes,
    product,
    record,
    repeat,
    scale,
    shift,
    softmax,
    wanted,
)
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.errors import InvalidInput, argument
from lora_cli.models.parts.forward_pass import Attention

# The seed and the offset of a kernel's random numbers.
RANDOM_STATE = (8, 8)
# The widest head of flash attention.
MAX_FLASH_WIDTH = 256


def flash(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Flash attention 2 (aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp).

    It saves the logarithm of each row's sum, and its backward needs sums in float32, and of grouped heads copies of the
    gradients of k and v for all heads.
    """
    training = device.training
    rows = training.batch * own.heads
    length, width = _up(training.seq, 128), _up(own.width, 32 if own.width <= 128 else 64)
    inside = [rows * length * FLOAT32, rows * length * width * FLOAT32]
    if own.groups != own.heads:
        inside += [q.numel * q.width] * 2
    return _kernel(device, q, k, v, [rows * training.seq * FLOAT32], inside)


def efficient(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Memory-efficient attention, which saves the logarithm of each row's sum, and a mask with padded rows."""
    training = device.training
    saves = [training.batch * own.heads * _up(training.seq, 32) * FLOAT32]
    if mask is not None and training.seq % 16:
        padded = mask.numel // training.seq * _up(training.seq, 16)
        mask = record([mask], padded, mask.width, makes(mask.numel * mask.width))
    return _kernel(device, q, k, v, saves, (), mask)


def additive(device: Device, width: int) -> Tensor:
    """Return a mask as numbers to add, which each layer makes for itself."""
    numel = device.training.batch * device.training.seq**2
    return Tensor(Storage(device.tape, numel * width), numel, width)


def plain(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute causal attention in plain operations (`_scaled_dot_product_attention_math`)."""
    training, times = device.training, own.heads // own.groups
    q = scale(q)
    mask = Storage(q.tape, training.seq**2 * FLOAT32)
    k, v = repeat(k, times), repeat(v, times)
    numel = training.batch * own.heads * training.seq**2
    q = batched(device, q, packed=own.by_heads)
    scores = product(q, scale(k), numel, flops_of_scores(device, q.numel))
    # A card adds the mask in place.
    scores = shift(scores) if q.tape.allocator is None else scores
    weights = softmax(scores, FLOAT32)
    # A row in which nothing is seen is searched for by a byte for each score (`_safe_softmax`).
    searched = Storage(q.tape, numel)
    del searched, scores
    out = product(weights, v, q.numel, flops_of_scores(device, q.numel))
    del mask
    return out


def batched(device: Device, x: Tensor, *, packed: bool = False) -> Tensor:
    """Return q, k or v as a product of batches takes it: a copy, unless it is `packed` by heads or of one text."""
    return x if packed or device.training.batch == 1 else clone(x)


def plain_single(device: Device, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute masked attention with one k and v for all heads, which no kernel knows, in float32."""
    if device.training.autocast is not None:
        limit = "attention with one key and value for all heads has no replay under it; take attention 'eager'"
        raise InvalidInput(f"{argument('autocast')}: {limit}")
    width, times = q.width, q.numel // k.numel
    wide = [cast(each, FLOAT32) for each in (q, k, v)]
    scaled = [scale(each) for each in wide[:2]]
    numel = q.numel * device.training.seq // (k.numel // (device.training.batch * device.training.seq))
    operands = batched(device, scaled[0]), batched(device, repeat(scaled[1], times, 1))
    weights = softmax(shift(product(*operands, numel, flops_of_scores(device, q.numel))), FLOAT32)
    # A row in which nothing is seen is searched for by a byte for each score (`_safe_softmax`).
    searched = Storage(q.tape, numel)
    del searched
    # The weights are returned too, in the type of q.
    returned = Storage(q.tape, numel * width) if width < FLOAT32 else None
    values = batched(device, repeat(wide[2], times, 1))
    out = product(weights, values, q.numel, flops_of_scores(device, q.numel))
    out = cast(out, width)
    del returned, weights, operands, values, wide, scaled
    return clone(out)


def _kernel(
    device: Device,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    saves: Sequence[int],
    inside: Sequence[int],
    mask: Tensor | None = None,
) -> Tensor:
    """Record a fused attention: it saves q, k, v, its mask, its output, the random state and more.

    Its two products count, and twice as many of its backward; scores that the kernel computes again there do not.
    """
    numel = numel_of_result(q, k, v)
    flops = flops_of_scores(device, q.numel) + flops_of_scores(device, numel)
    inputs = [q, k, v] if mask is None else [q, k, v, mask]
    return record(
        inputs,
        numel,
        q.width,
        makes(*wanted(*inputs), inside=inside, of=SCORES, flops=2 * flops),
        saves=inputs,
        saves_output=True,
        saves_more=[*saves, *RANDOM_STATE],
        of=SCORES,
        flops=flops,
    )


def numel_of_result(q: Tensor, k: Tensor, v: Tensor) -> int:
    """Return the number of values of the result, whose heads are as wide as those of v."""
    return q.numel * v.numel // k.numel


def flops_of_scores(device: Device, numel: int) -> int:
    """Return the operations of a product with the scores of all pairs of tokens, masked or not, of q's or v's width."""
    return 2 * numel * device.training.seq


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
