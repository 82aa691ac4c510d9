"""The header of a safetensors file: what tensors it holds, without reading one of them.

The format and its limits are those of the safetensors library (`safetensors/src/tensor.rs`). Its own
`safe_open` imports NumPy, which takes longer than a count, and lets a name stand twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from math import prod
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.models.files import opened

LENGTH_BYTES = 8
# How a file begins that stands in for one that Git LFS keeps elsewhere.
GIT_LFS = b"version "
MAX_HEADER_BYTES = 100_000_000
BITS = {
    "F4": 4,
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
# What torch can hold; products of these stay small numbers.
MAX_SIZE = 2**63 - 1
MAX_DIMENSIONS = 64
METADATA = "__metadata__"


class Stored(NamedTuple):
    """One tensor of a file: its type, its shape, and where in which file its bytes are."""

    dtype: str
    shape: tuple[int, ...]
    path: str
    start: int
    end: int

    @property
    def values(self) -> int:
        """The product of the shape."""
        return prod(self.shape)

    def read(self) -> bytes:
        """Return the bytes."""
        with opened(self.path) as (file, _):
            file.seek(self.start)
            return file.read(self.end - self.start)

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield the bytes, at most so many at a time."""
        with opened(self.path) as (file, _):
            file.seek(self.start)
            for at in range(self.start, self.end, size):
                yield file.read(min(size, self.end - at))


class BrokenFile(InvalidInput):
    """A regular file that is no whole safetensors file."""


class _Broken(Exception):
    """What is wrong with a header."""


def read_header(path: str) -> dict[str, Stored]:
    """Return the tensors of the safetensors file at `path` by name, in the order of their bytes.

    A header that is no JSON, is larger than the file or 100 MB, repeats a name, or whose tensors do not
    cover the file without gap and overlap raises `BrokenFile`.
    """
    with opened(path) as (file, size):
        try:
            return _tensors(*_entries(file, size), path)
        except _Broken as broken:
            raise BrokenFile(
                f"{quote_long(path)} is no whole safetensors file: {broken}; download or save it again"
            ) from broken


def _entries(file: BinaryIO, size: int) -> tuple[dict[str, Any], int, int]:
    """Return the header's entries, where the tensors' bytes start, and how many there are."""
    first = file.read(LENGTH_BYTES)
    if first == GIT_LFS:
        raise _Broken("it is a pointer of Git LFS, which `git lfs pull` replaces")
    length = int.from_bytes(first, "little")
    start = LENGTH_BYTES + length
    if length > MAX_HEADER_BYTES:
        raise _Broken(f"its header claims {length} bytes, and a header has at most {MAX_HEADER_BYTES}")
    if start > size:
        raise _Broken(f"its header ends at byte {start}, and the file at {size}")
    try:
        entries = json.loads(file.read(length).decode(), object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise _Broken("its header is no text in UTF-8") from None
    except RecursionError:
        raise _Broken("its header is nested too deeply") from None
    except ValueError as error:
        raise _Broken(f"its header is no JSON: {quote_long(str(error))}") from None
    if not isinstance(entries, dict):
        raise _Broken("its header is no JSON object")
    return entries, start, size - start


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise _Broken(f"its header has {quote_long(name)} twice")
    return found


def _tensors(entries: dict[str, Any], start: int, size: int, path: str) -> dict[str, Stored]:
    metadata = entries.pop(METADATA, None)
    if metadata is not None and not (
        isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
    ):
        raise _Broken("its metadata is no object of texts")
    tensors = [(name, *_tensor(name, entry)) for name, entry in entries.items()]
    tensors.sort(key=itemgetter(3, 4))
    found, offset = {}, 0
    for name, dtype, shape, begin, end in tensors:
        if begin != offset:
            raise _Broken(f"{quote_long(name)} starts at byte {quote(begin)}, where {offset} is the next")
        if (end - begin) * 8 != prod(shape) * BITS[dtype]:
            raise _Broken(
                f"{quote_long(name)} is {dtype} of shape {quote(shape)}, which does not take the {quote(end - begin)} bytes given"
            )
        found[name] = Stored(dtype, shape, path, start + begin, start + end)
        offset = end
    if offset != size:
        raise _Broken(f"its tensors take {quote(offset)} bytes, and the file has {size} for them")
    return found


def _tensor(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Return type, shape and both offsets of one entry, which may have other fields, as it may for the library."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        sizes = (*shape, begin, end)
    except (TypeError, KeyError, ValueError):
        raise _Broken(f"{quote_long(name)} has no dtype, shape and two data_offsets") from None
    if not isinstance(shape, list) or {*map(type, sizes)} != {int} or min(sizes) < 0 or max(sizes) > MAX_SIZE:
        raise _Broken(f"{quote_long(name)} has sizes that are no whole numbers from 0 to {MAX_SIZE}: {quote(sizes)}")
    if len(shape) > MAX_DIMENSIONS:
        raise _Broken(f"{quote_long(name)} has {len(shape)} dimensions, and a tensor has at most {MAX_DIMENSIONS}")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _Broken(f"{quote_long(name)} has dtype {quote(dtype)}; known are {', '.join(BITS)}")
    return dtype, tuple(shape), begin, end
