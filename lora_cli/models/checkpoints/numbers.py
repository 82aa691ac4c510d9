"""Numbers in the bytes of a file, read without NumPy."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator

from lora_cli.dtypes import BY_NAME
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.files import regular_file

# `struct`'s letter of each type. A bfloat16 is read as the float32 that it is half of.
LETTERS = {
    "F64": "d",
    "F32": "f",
    "F16": "e",
    "BF16": "f",
    "I64": "q",
    "I32": "i",
    "I16": "h",
    "I8": "b",
    "U64": "Q",
    "U32": "I",
    "U16": "H",
    "U8": "B",
    "BOOL": "?",
}


def numbers(dtype: str, content: bytes) -> Iterator[float]:
    """Yield the little-endian numbers of a type that `LETTERS` has.

    >>> list(numbers("BF16", bytes.fromhex("803f 0040")))
    [1.0, 2.0]
    """
    if dtype == "BF16":
        widened = bytearray(2 * len(content))
        widened[2::4], widened[3::4] = content[::2], content[1::2]
        content = bytes(widened)
    return (value for (value,) in struct.iter_unpack(f"<{LETTERS[dtype]}", content))


def single_numbers(path: str, tensors: Iterable[Stored]) -> list[float | None]:
    """Return the value of each tensor of one file; None for more or fewer values than one, and for packed types.

    Only those bytes are read, past the buffer of the file: a file may have an alpha for each of thousands of modules.
    """
    with regular_file(path) as (file, _):
        return [_single_number(stored, file.fileno()) for stored in tensors]


def _single_number(stored: Stored, descriptor: int) -> float | None:
    if stored.values != 1 or stored.dtype not in LETTERS:
        return None
    os.lseek(descriptor, stored.start, os.SEEK_SET)
    content = os.read(descriptor, stored.end - stored.start)
    # A file that has become shorter since its header was read gives fewer bytes.
    if len(content) * 8 != BY_NAME[stored.dtype].bits:
        return None
    return float(next(numbers(stored.dtype, content)))
