"""The tensors that a method adds, and the size of the file that PEFT saves them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import NamedTuple

FLOAT32_BYTES = 4
LENGTH_BYTES = 8
ALIGNMENT = 8
METADATA = '{"__metadata__":{"format":"pt"}'
POWERS_OF_TEN: tuple[int, ...] = tuple(10**power for power in range(1, 22))
ENTRY = ',"":{"dtype":"F32","shape":[],"data_offsets":[,]}'


class Tensor(NamedTuple):
    """One tensor: its symbol and shape in the literature, its key and shape in PEFT's file.

    PEFT keeps adapters in float32 unless told otherwise (`autocast_adapter_dtype`).
    """

    name: str
    shape: tuple[int, ...]
    key: str
    stored: tuple[int, ...]
    trained: bool = True

    @property
    def params(self) -> int:
        """The product of the shape."""
        return prod(self.shape)


def decimal_digits(value: int) -> int:
    """Return how many digits `value` is written with, from 0 to 10²¹; elementwise on arrays.

    >>> decimal_digits(0), decimal_digits(9), decimal_digits(10)
    (1, 1, 2)
    """
    if isinstance(value, int):
        return len(str(value))
    return 1 + sum(value >= power for power in POWERS_OF_TEN)


def _list_length(values: Sequence[int]) -> int:
    return sum(map(decimal_digits, values)) + len(values) - 1


def file_bytes(tensors: Iterable[tuple[str, Tensor]]) -> int:
    """Return the size of the `adapter_model.safetensors` that PEFT's `save_pretrained` writes.

    `tensors` are pairs of a module's name and a tensor added to it. The file is 8 bytes of header
    length, a compact JSON header padded with spaces to a multiple of 8, and the float32 values, in
    the order of their names (safetensors: `prepare` in `safetensors/src/tensor.rs`).

    >>> from lora_cli.methods.lora import tensors
    >>> from lora_cli.models import matrix
    >>> file_bytes(("W", tensor) for tensor in tensors(matrix(6, 8), 2))
    328
    """
    header, offset = len(METADATA) + len("}"), 0
    for key, tensor in sorted((f"base_model.model.{module}.{tensor.key}", tensor) for module, tensor in tensors):
        end = offset + FLOAT32_BYTES * tensor.params
        header += len(ENTRY) + len(key) + _list_length(tensor.stored)
        header += decimal_digits(offset) + decimal_digits(end)
        offset = end
    return LENGTH_BYTES + -(-header // ALIGNMENT) * ALIGNMENT + offset
