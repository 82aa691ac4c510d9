"""Whether stored values are finite, and whether all are zero: by their bytes, which takes no NumPy.

A float whose exponent is all ones is infinite, or NaN if its fraction is not zero (IEEE 754; bfloat16 is the
upper half of a float32). Such a one has a first byte that hardly any other has, so most chunks need no closer look.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import isinf, isnan
from typing import NamedTuple

from lora_cli.models.checkpoints.safetensors_header import Stored

CHUNK_BYTES = 2**20
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
# The highest bytes that a value without end can have; the exponent of a float16 has five bits only.
HIGHEST = dict.fromkeys(BYTES, b"\x7f\xff") | {"F16": b"\x7c\x7d\x7e\x7f\xfc\xfd\xfe\xff"}


class Seen(NamedTuple):
    """What the values of a tensor are, or that they are of a type that is not looked at."""

    nan: bool = False
    infinite: bool = False
    zero: bool = False


def look(stored: Stored) -> Seen:
    """Read a tensor, a chunk at a time, and say what its values are."""
    if stored.dtype not in BYTES or not stored.values:
        return Seen()
    nan = infinite = False
    zero = True
    for chunk in stored.chunks(CHUNK_BYTES):
        zero = zero and not chunk.strip(b"\0")
        highest = chunk[BYTES[stored.dtype] - 1 :: BYTES[stored.dtype]]
        if len(highest.translate(None, HIGHEST[stored.dtype])) < len(highest):
            for value in floats(stored.dtype, chunk):
                nan = nan or isnan(value)
                infinite = infinite or isinf(value)
    return Seen(nan, infinite, zero)


def floats(dtype: str, content: bytes) -> Iterator[float]:
    """Yield little-endian floats.

    >>> list(floats("BF16", bytes.fromhex("803f 0040")))
    [1.0, 2.0]
    """
    if dtype == "BF16":
        widened = bytearray(2 * len(content))
        widened[2::4], widened[3::4] = content[::2], content[1::2]
        dtype, content = "F32", bytes(widened)
    form = {"F64": "d", "F32": "f", "F16": "e"}[dtype]
    return (value for (value,) in struct.iter_unpack(f"<{form}", content))
