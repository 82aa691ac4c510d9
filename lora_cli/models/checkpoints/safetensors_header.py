"""The header of a safetensors file: its tensors by name, type and shape, without their values.

The format and its limits are those of the safetensors library (`safetensors/src/tensor.rs`). The library's own
`safe_open` imports NumPy, which takes longer than a count, and accepts a header that repeats a name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from math import prod
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from lora_cli.dtypes import BY_NAME
from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.models.files import regular_file

LENGTH_BYTES = 8
# A pointer file of Git LFS starts with these bytes.
GIT_LFS = b"version "
MAX_HEADER_BYTES = 100_000_000
# torch's limits, which also keep the products of sizes small.
MAX_SIZE = 2**63 - 1
MAX_DIMENSIONS = 64
METADATA = "__metadata__"


class Stored(NamedTuple):
    """One tensor of a file: its type, its shape, and the position of its bytes."""

    dtype: str
    shape: tuple[int, ...]
    path: str
    start: int
    end: int

    @property
    def values(self) -> int:
        """The number of values: the product of the shape."""
        return prod(self.shape)

    def read(self) -> bytes:
        """Return the bytes of the values."""
        with regular_file(self.path) as (file, _):
            file.seek(self.start)
            return file.read(self.end - self.start)

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield the bytes of the values in chunks of at most `size`."""
        with regular_file(self.path) as (file, _):
            file.seek(self.start)
            for at in range(self.start, self.end, size):
                yield file.read(min(size, self.end - at))


class BrokenFile(InvalidInput):
    """A regular file that is not a complete safetensors file."""


class _Broken(Exception):
    """The reason why a header is broken."""


def read_header(path: str) -> dict[str, Stored]:
    """Return the tensors of the safetensors file at `path` by name, in the order of their bytes.

    A header raises `BrokenFile` if it is not JSON, is larger than the file or than 100 MB, repeats a name, or if
    its tensors do not cover the file without gap and overlap.
    """
    with regular_file(path) as (file, size):
        try:
            return _tensors(*_entries(file, size), path)
        except _Broken as broken:
            raise BrokenFile(
                f"{quote_long(path)} is not a complete safetensors file: {broken}; download or save it again"
            ) from broken


def _entries(file: BinaryIO, size: int) -> tuple[dict[str, Any], int, int]:
    """Return the header's entries, the position of the first tensor's bytes, and the number of bytes from there."""
    first = file.read(LENGTH_BYTES)
    if first == GIT_LFS:
        raise _Broken("it is a pointer of Git LFS; `git lfs pull` replaces it")
    length = int.from_bytes(first, "little")
    start = LENGTH_BYTES + length
    if length > MAX_HEADER_BYTES:
        raise _Broken(f"its header claims {length} bytes, and a header has at most {MAX_HEADER_BYTES}")
    if start > size:
        raise _Broken(f"its header ends at byte {start}, and the file at {size}")
    try:
        entries = json.loads(file.read(length).decode(), object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise _Broken("its header is not UTF-8 text") from None
    except RecursionError:
        raise _Broken("its header is nested too deeply") from None
    except ValueError as error:
        raise _Broken(f"its header is not JSON: {quote_long(str(error))}") from None
    if not isinstance(entries, dict):
        raise _Broken("its header is not a JSON object")
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
        raise _Broken("its metadata is not an object of strings")
    tensors = [(name, *_tensor(name, entry)) for name, entry in entries.items()]
    tensors.sort(key=itemgetter(3, 4))
    found, offset = {}, 0
    for name, dtype, shape, begin, end in tensors:
        if begin != offset:
            raise _Broken(f"{quote_long(name)} starts at byte {quote(begin)} instead of {offset}")
        if (end - begin) * 8 != prod(shape) * BY_NAME[dtype].bits:
            raise _Broken(
                f"{quote_long(name)} is {dtype} of shape {quote(shape)}, which does not take {quote(end - begin)} bytes"
            )
        found[name] = Stored(dtype, shape, path, start + begin, start + end)
        offset = end
    if offset != size:
        raise _Broken(f"its tensors take {quote(offset)} bytes, and the file has {size} for them")
    return found


def _tensor(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Return type, shape and both offsets of one entry. The library accepts further fields, so they are ignored."""
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        sizes = (*shape, begin, end)
    except (TypeError, KeyError, ValueError):
        raise _Broken(f"{quote_long(name)} does not have dtype, shape and two data_offsets") from None
    if not isinstance(shape, list) or {*map(type, sizes)} != {int} or min(sizes) < 0 or max(sizes) > MAX_SIZE:
        raise _Broken(f"{quote_long(name)} has sizes that are not whole numbers from 0 to {MAX_SIZE}: {quote(sizes)}")
    if len(shape) > MAX_DIMENSIONS:
        raise _Broken(f"{quote_long(name)} has {len(shape)} dimensions; a tensor has at most {MAX_DIMENSIONS}")
    if not isinstance(dtype, str) or dtype not in BY_NAME:
        raise _Broken(f"{quote_long(name)} has dtype {quote(dtype)}; it must be one of {', '.join(BY_NAME)}")
    return dtype, tuple(shape), begin, end
