"""The buffer that CUDA's reductions over leading dimensions allocate, which depends on the card (Reduce.cuh).

The rule is that of the replay.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from lora_cli.analysis.memory.replay.reductions import reduction_buffer

aten = torch.ops.aten
SUMS = (aten.sum.dim_IntList, aten.mean.dim)


def reduced(func: Any, args: Any, multiprocessors: int, threads: int) -> int:
    """Return the buffer of an operation, if it is a sum whose fastest dimension stays."""
    if func not in SUMS or not args[1]:
        return 0
    tensor = args[0]
    dims = {dim % tensor.dim() for dim in args[1]}
    kept = [dim for dim in range(tensor.dim()) if dim not in dims and tensor.shape[dim] > 1]
    summed = [dim for dim in dims if tensor.shape[dim] > 1]
    if not kept or not summed or min(map(tensor.stride, kept)) > min(map(tensor.stride, summed)):
        return 0
    inputs = prod(tensor.shape[dim] for dim in summed)
    return reduction_buffer(tensor.numel() // inputs, inputs, multiprocessors, threads)
