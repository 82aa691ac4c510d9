"""The tensors that a method adds, and the size of the file that PEFT saves them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import NamedTuple

# Bytes a value, in the order in which the safetensors library sorts types; larger ones come first.
DTYPES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4, "F64": 8, "I64": 8}
PRECEDENCE = {dtype: -position for position, dtype in enumerate(DTYPES)}
LENGTH_BYTES = 8
ALIGNMENT = 8
METADATA = '{"__metadata__":{"format":"pt"}'
POWERS_OF_TEN: tuple[int, ...] = tuple(10**power for power in range(1, 22))
ENTRY = ',"":{"dtype":"","shape":[],"data_offsets":[,]}'


class Tensor(NamedTuple):
    """One tensor: its symbol and shape in the literature, its key and shape in PEFT's file.

    Where data decide how PEFT splits or shapes it, though not how many values it has, `stored` is None.
    PEFT keeps adapters in float32 unless told otherwise (`autocast_adapter_dtype`). What is not `counted`
    is a buffer of torch's, which `get_nb_trainable_parameters` leaves out.
    """

    name: str
    shape: tuple[int, ...]
    key: str
    stored: tuple[int, ...] | None
    trained: bool = True
    saved: bool = True
    counted: bool = True
    dtype: str = "F32"

    @property
    def params(self) -> int:
        """The product of the shape."""
        return prod(self.shape)


def parameter(key: str, *shape: int, trained: bool = True, saved: bool = True) -> Tensor:
    """Return a parameter that is called and stored as in PEFT's file."""
    return Tensor(key, shape, key, shape, trained, saved)


def buffer(key: str, *shape: int, saved: bool = True, dtype: str = "F32") -> Tensor:
    """Return a buffer: neither trained nor counted, but maybe saved."""
    return Tensor(key, shape, key, shape, trained=False, saved=saved, counted=False, dtype=dtype)


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

    `tensors` are pairs of a module's name, or "" for what belongs to all of them, and a tensor added to
    it. The file is 8 bytes of header length, a compact JSON header padded with spaces to a multiple of 8,
    and the values, by type and name (safetensors: `prepare` in `safetensors/src/tensor.rs`).

    >>> from lora_cli.methods.catalogue.lora.lora import plain
    >>> from lora_cli.models import matrix
    >>> file_bytes(("W", tensor) for tensor in plain(matrix(6, 8), 2))
    328
    """
    return written_bytes((_key(module, tensor), tensor) for module, tensor in tensors if tensor.saved)


def written_bytes(tensors: Iterable[tuple[str, Tensor]]) -> int:
    """Return the size of the file that holds `tensors`, pairs of a whole key and a tensor.

    >>> written_bytes([])
    40
    """
    header, offset, digits = len(METADATA) + len("}"), 0, 1
    for _, key, tensor in sorted((PRECEDENCE[tensor.dtype], key, tensor) for key, tensor in tensors):
        offset += DTYPES[tensor.dtype] * tensor.params
        header += len(ENTRY) + len(tensor.dtype) + len(key) + _list_length(tensor.stored or ()) + digits
        # Where one tensor ends, the next begins.
        digits = decimal_digits(offset)
        header += digits
    return LENGTH_BYTES + -(-header // ALIGNMENT) * ALIGNMENT + offset


def _key(module: str, tensor: Tensor) -> str:
    return f"base_model.model.{module}.{tensor.key}" if module else f"base_model.{tensor.key}"
