"""Whether stored values are finite, and whether all are zero, read from their bytes without NumPy.

A float whose exponent bits are all 1 is NaN if its fraction is not zero, else infinite (IEEE 754; bfloat16 is the upper
half of a float32). The highest byte of such a value is rare among others, so most chunks need no closer look.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isinf, isnan
from typing import BinaryIO, NamedTuple

from lora_cli.dtypes import BY_NAME
from lora_cli.models.checkpoints.numbers import numbers
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.files import regular_file

CHUNK_BYTES = 2**20


# The highest bytes that NaN and infinity can have. The exponent of a float16 has only five bits.
HIGHEST = {
    "F64": b"\x7f\xff",
    "F32": b"\x7f\xff",
    "F16": b"\x7c\x7d\x7e\x7f\xfc\xfd\xfe\xff",
    "BF16": b"\x7f\xff",
}


class SpecialValues(NamedTuple):
    """Whether a tensor contains NaN or infinity, and whether all of its values are zero."""

    nan: bool = False
    infinite: bool = False
    zero: bool = False


# Of most tensors.
PLAIN = SpecialValues()


def special_values(tensors: Mapping[str, Stored]) -> dict[str, SpecialValues]:
    """Read the tensors of one file, a chunk at a time, for their special values; other types than floats have none."""
    path = next((stored.path for stored in tensors.values()), None)
    if path is None:
        return {}
    with regular_file(path) as (file, _):
        return {key: _special_values(stored, file) for key, stored in tensors.items()}


def _special_values(stored: Stored, file: BinaryIO) -> SpecialValues:
    highest_bytes = HIGHEST.get(stored.dtype)
    if highest_bytes is None or not stored.values:
        return PLAIN
    size = BY_NAME[stored.dtype].bits // 8
    nan = infinite = False
    zero = True
    for chunk in stored.chunks(CHUNK_BYTES, file):
        zero = zero and _is_zero(chunk, size)
        highest = chunk[size - 1 :: size]
        if len(highest.translate(None, highest_bytes)) < len(highest):
            for value in numbers(stored.dtype, chunk):
                nan = nan or isnan(value)
                infinite = infinite or isinf(value)
    return SpecialValues(nan, infinite, zero) if nan or infinite or zero else PLAIN


def _is_zero(chunk: bytes, size: int) -> bool:
    """Whether all values of a chunk are 0, or −0 with the highest bit of the last byte.

    >>> _is_zero(bytes.fromhex("0000 0080"), 2), _is_zero(bytes.fromhex("0000 8000"), 2)
    (True, False)
    """
    if chunk.strip(b"\0\x80"):
        return False
    return not any(chunk[place::size].strip(b"\0") for place in range(size - 1))
