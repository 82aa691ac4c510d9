"""The attention kernels of PyTorch on CUDA: what each saves, and what its backward needs beside the gradients."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import FLOAT32, makes, record, wanted
from lora_cli.analysis.memory.replay.tape import Storage, Tensor
from lora_cli.models.parts.forward_pass import Attention

# The seed and the offset of a kernel's random numbers.
RANDOM_STATE = (8, 8)


def flash(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Flash attention 2 (aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp).

    It saves the logarithm of each row's sum, and its backward needs sums in float32, and of grouped heads copies of the
    gradients of k and v for all heads.
    """
    training = device.training
    rows = training.batch * own.heads
    length, width = _up(training.seq, 128), _up(own.width, 32 if own.width <= 128 else 64)
    beside = [rows * length * FLOAT32, rows * length * width * FLOAT32]
    if own.groups != own.heads:
        beside += [q.numel * q.width] * 2
    return _kernel(q, k, v, [rows * training.seq * FLOAT32], beside)


def efficient(device: Device, own: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Memory-efficient attention, which saves the logarithm of each row's sum.

    Each layer saves its own copy of the mask in the type of q, and pads its rows.
    """
    training = device.training
    masks = [training.batch * training.seq**2 * q.width]
    if training.seq % 16:
        masks.append(training.batch * training.seq * _up(training.seq, 16) * q.width)
    held = [Storage(q.storage.tape, size) for size in masks]
    return _kernel(q, k, v, [training.batch * own.heads * _up(training.seq, 32) * FLOAT32], (), held[-1])


def _kernel(
    q: Tensor, k: Tensor, v: Tensor, saves: Sequence[int], beside: Sequence[int], mask: Storage | None = None
) -> Tensor:
    """Record a fused attention: it saves q, k, v, its mask, its output, the random state and more."""
    masks = [] if mask is None else [Tensor(mask, 0, 1)]
    return record(
        [q, k, v],
        q.numel,
        q.width,
        makes(*wanted(q, k, v), beside=beside),
        saves=[q, k, v, *masks],
        saves_output=True,
        saves_more=[*saves, *RANDOM_STATE],
    )


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
