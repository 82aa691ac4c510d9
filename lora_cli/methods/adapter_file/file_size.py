"""The size of the safetensors file that PEFT saves, to the byte, without writing it.

The file is 8 bytes of header length, a compact JSON header padded with spaces to a multiple of 8, and the values,
sorted by type and name (safetensors: `prepare` in `safetensors/src/tensor.rs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lora_cli.dtypes import BY_NAME, TABLE
from lora_cli.methods.tensor import Tensor
from lora_cli.models.peft_names import BASE_MODEL, PEFT_MODEL

# A whole number, or a NumPy array of them: the arithmetic is elementwise, and needs no NumPy here.
Number = Any

PRECEDENCE = {dtype.name: -position for position, dtype in enumerate(TABLE)}
LENGTH_BYTES = 8
ALIGNMENT = 8
METADATA = '{"__metadata__":{"format":"pt"}'
POWERS_OF_TEN: tuple[int, ...] = tuple(10**power for power in range(1, 22))
ENTRY = ',"":{"dtype":"","shape":[],"data_offsets":[,]}'
FACTOR_DTYPE = "F32"


def file_bytes(tensors: Iterable[tuple[str, Tensor]]) -> int:
    """Return the size of the `adapter_model.safetensors` that PEFT's `save_pretrained` writes.

    `tensors` are pairs of a module's name, or "" for what belongs to all of them, and a tensor added to it.

    >>> from lora_cli.methods.parts.plain_lora import plain
    >>> file_bytes(("W", tensor) for tensor in plain(6, 8, 2))
    328
    """
    return written_bytes((_key(module, tensor), tensor) for module, tensor in tensors if tensor.in_file)


def written_bytes(tensors: Iterable[tuple[str, Tensor]]) -> int:
    """Return the size of the file that holds `tensors`, pairs of a whole key and a tensor.

    >>> written_bytes([])
    40
    """
    ordered = sorted((PRECEDENCE[tensor.dtype], key, tensor) for key, tensor in tensors)
    return int(_size((tensor.dtype, key, tensor.stored or (), tensor.params) for _, key, tensor in ordered))


def pair_bytes(module: str, d: Number, h: Number, r: Number) -> Number:
    """Return the size of the file that holds LoRA's A (r × d) and B (h × r) of one module, elementwise on arrays.

    >>> pair_bytes("W", 6, 8, 2)
    328
    """
    root = f"{BASE_MODEL}{module}"
    return _size(
        (
            (FACTOR_DTYPE, f"{root}.lora_A.weight", (r, d), r * d),
            (FACTOR_DTYPE, f"{root}.lora_B.weight", (h, r), r * h),
        )
    )


def _size(entries: Iterable[tuple[str, str, Sequence[Number], Number]]) -> Number:
    """Return the size of a file of entries in its order: type, key, shape and number of values."""
    header: Number = len(METADATA) + len("}")
    offset: Number = 0
    digits: Number = 1
    for dtype, key, shape, values in entries:
        offset = offset + BY_NAME[dtype].bits // 8 * values
        header = header + (len(ENTRY) + len(dtype) + len(key) + max(len(shape) - 1, 0)) + digits
        for size in shape:
            header = header + decimal_digits(size)
        # Where one tensor ends, the next begins.
        digits = decimal_digits(offset)
        header = header + digits
    return LENGTH_BYTES + -(-header // ALIGNMENT) * ALIGNMENT + offset


def decimal_digits(value: Number) -> Number:
    """Return how many digits `value` is written with, from 0 to 10²¹; elementwise on arrays.

    >>> decimal_digits(0), decimal_digits(9), decimal_digits(10)
    (1, 1, 2)
    """
    if isinstance(value, int):
        return len(str(value))
    digits = value * 0 + 1
    for power in POWERS_OF_TEN:
        is_longer = value >= power
        if not is_longer.any():
            break
        digits = digits + is_longer
    return digits


def _key(module: str, tensor: Tensor) -> str:
    return f"{BASE_MODEL}{module}.{tensor.key}" if module else f"{PEFT_MODEL}{tensor.key}"
