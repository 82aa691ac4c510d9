"""A stored tensor, or a block of one, as an array. Only the bytes that are asked for are read.

The file is not mapped into memory: if it shrank, a mapping would end the program, where a read raises an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from lora_cli.dtypes import BY_NAME, TABLE
from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.files import regular_file

Array = npt.NDArray[Any]


def _bfloat16(content: bytes) -> Array:
    return (np.frombuffer(content, "<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)


def _e5m2(content: bytes) -> Array:
    return (np.frombuffer(content, np.uint8).astype(np.uint16) << np.uint16(8)).view(np.float16)


def _e4m3_values() -> Array:
    """Return the value of each byte: 4 exponent bits with a bias of 7, 3 fraction bits, no infinity, one NaN per sign.

    Micikevicius et al., "FP8 Formats for Deep Learning", arXiv:2209.05433, table 1.
    """
    magnitude = np.arange(128)
    exponent, fraction = magnitude >> 3, (magnitude & 7) / 8
    values = np.where(exponent == 0, fraction * 2.0**-6, (1 + fraction) * 2.0 ** (exponent - 7))
    values[127] = np.nan
    return np.concatenate([values, -values]).astype(np.float32)


def _e4m3(content: bytes) -> Array:
    return _e4m3_values()[np.frombuffer(content, np.uint8)]


def _plain(dtype: str) -> Callable[[bytes], Array]:
    return lambda content: np.frombuffer(content, dtype)


DECODED: dict[str, Callable[[bytes], Array]] = {
    "F64": _plain("<f8"),
    "F32": _plain("<f4"),
    "F16": _plain("<f2"),
    "BF16": _bfloat16,
    "F8_E4M3": _e4m3,
    "F8_E5M2": _e5m2,
    **{dtype.name: _plain(f"<{dtype.name[0].lower()}{dtype.bits // 8}") for dtype in TABLE if dtype.kind == "integer"},
    "BOOL": _plain("?"),
}


def read_array(stored: Stored, name: str, compute: type[np.float32 | np.float64] | None = None) -> Array:
    """Return a whole tensor in the type `compute`: by default float32 if that holds every value of its type, else float64.

    Errors call the tensor `name`. A type that cannot be read raises `InvalidInput`, and so does a file that has become
    shorter since its header was read.
    """
    rows = stored.shape[0] if stored.shape else 1
    return read_block(stored, name, slice(0, rows), compute=compute).reshape(stored.shape)


def read_block(
    stored: Stored,
    name: str,
    rows: slice,
    columns: slice | None = None,
    compute: type[np.float32 | np.float64] | None = None,
) -> Array:
    """Return a block of a tensor as a matrix, whose rows are the first dimension and whose columns all others."""
    if stored.is_transposed:
        columns = columns or slice(0, stored.shape[1])
        return np.ascontiguousarray(read_block(stored.transpose, name, columns, rows, compute).T)
    decode = _decoder(stored, name)
    compute = compute or (np.float32 if BY_NAME[stored.dtype].fits_float32 else np.float64)
    height = stored.shape[0] if stored.shape else 1
    width = stored.values // height if height else 0
    columns = slice(0, width) if columns is None else columns
    size = BY_NAME[stored.dtype].bits // 8
    length = (columns.stop - columns.start) * size
    with regular_file(stored.path) as (file, _):
        if columns == slice(0, width):
            parts = [_read(file, stored, name, rows.start * width * size, (rows.stop - rows.start) * length)]
        else:
            starts = range(rows.start * width, rows.stop * width, width)
            parts = [_read(file, stored, name, (start + columns.start) * size, length) for start in starts]
    content = parts[0] if len(parts) == 1 else b"".join(parts)
    return decode(content).reshape(rows.stop - rows.start, columns.stop - columns.start).astype(compute, copy=False)


def array_of(content: bytes, stored: Stored, name: str, compute: type[np.float32 | np.float64]) -> Array:
    """Return the values of a tensor of which all bytes are at hand."""
    if stored.is_transposed:
        return np.ascontiguousarray(array_of(content, stored.transpose, name, compute).T)
    return _decoder(stored, name)(content).reshape(stored.shape).astype(compute, copy=False)


def _decoder(stored: Stored, name: str) -> Callable[[bytes], Array]:
    decode = DECODED.get(stored.dtype)
    if decode is None:
        raise InvalidInput(
            f"{quote_long(name)} has type {stored.dtype}, which cannot be read; the types that can are {', '.join(DECODED)}"
        )
    return decode


def _read(file: BinaryIO, stored: Stored, name: str, start: int, length: int) -> bytes:
    # Without Python's buffer, which would read more than is asked for.
    descriptor = file.fileno()
    os.lseek(descriptor, stored.start + start, os.SEEK_SET)
    parts = []
    while length:
        part = os.read(descriptor, length)
        if not part:
            raise InvalidInput(
                f"{quote_long(stored.path)} ends within {quote_long(name)}, so it has changed since its header was read; "
                "run again when it is complete"
            )
        parts.append(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
