"""The header of a safetensors file: its tensors by name, type and shape, without their values.

The format and its limits are those of the safetensors library (`safetensors/src/tensor.rs`). The library's own
`safe_open` imports NumPy, which takes longer than a count, and accepts a header that repeats a name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, BinaryIO, NamedTuple

from lora_cli.dtypes import BY_NAME
from lora_cli.errors import UnreadableFile, quote, quote_long
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
    """One tensor of a file: its type, its shape, and the position of its bytes.

    The bytes of a matrix that `is_transposed` are those of its transpose.
    """

    dtype: str
    shape: tuple[int, ...]
    path: str
    start: int
    end: int
    is_transposed: bool = False

    @property
    def transpose(self) -> Stored:
        """The transpose of a matrix, on the same bytes."""
        return self._replace(shape=self.shape[::-1], is_transposed=not self.is_transposed)

    @property
    def values(self) -> int:
        """The number of values: the product of the shape."""
        return prod(self.shape)

    def read(self) -> bytes:
        """Return the bytes of the values."""
        with regular_file(self.path) as (file, _):
            file.seek(self.start)
            return file.read(self.end - self.start)

    def chunks(self, size: int, file: BinaryIO) -> Iterator[bytes]:
        """Yield the bytes of the values in chunks of at most `size`, from the opened file."""
        file.seek(self.start)
        for at in range(self.start, self.end, size):
            yield file.read(min(size, self.end - at))


class Header(NamedTuple):
    """A header: the tensors by name, in the order of their bytes, and what the writer noted about the file."""

    tensors: dict[str, Stored]
    metadata: Mapping[str, str]


class BrokenFile(UnreadableFile):
    """A regular file that is not a complete safetensors file."""


class _Broken(Exception):
    """The reason why a header is broken."""


def read_header(path: str) -> dict[str, Stored]:
    """Return the tensors of the safetensors file at `path` by name, in the order of their bytes.

    A header raises `BrokenFile` if it is not JSON, is larger than the file or than 100 MB, repeats a name, or if
    its tensors do not cover the file without gap and overlap.
    """
    return read_whole_header(path).tensors


def read_whole_header(path: str) -> Header:
    """Return the tensors of the safetensors file at `path` and its metadata; raise as `read_header`."""
    with regular_file(path) as (file, size):
        return parse_header(file, size, path)


def parse_header(file: BinaryIO, size: int, path: str) -> Header:
    """Return the header of a file of `size` bytes, of which no more need be there. `path` is the file's name."""
    try:
        entries, start, size = _entries(file, size, path)
        metadata = _metadata(entries)
        return Header(_tensors(entries, start, size), metadata)
    except _Broken as broken:
        raise BrokenFile(
            f"{quote_long(path)} is not a complete safetensors file: {broken}; download or save it again"
        ) from broken


def _too_long(first: bytes) -> _Broken:
    """Return why a header is refused by the first bytes, its length: those of a text are more than any disk has."""
    claim = f"its header claims {int.from_bytes(first, 'little')} bytes, and a header has at most {MAX_HEADER_BYTES}"
    is_text = first.isascii() and first.decode().isprintable()
    return _Broken(
        f"{claim}: it begins with {quote(first.decode())}, as a text or a web page does" if is_text else claim
    )


def _entries(file: BinaryIO, size: int, path: str) -> tuple[dict[str, Any], int, int]:
    """Return the header's entries, the position of the first tensor's bytes, and the size of the file."""
    first = file.read(LENGTH_BYTES)
    if first == GIT_LFS:
        raise _Broken("it is a pointer of Git LFS; `git lfs pull` replaces it")
    length = int.from_bytes(first, "little")
    start = LENGTH_BYTES + length
    if length > MAX_HEADER_BYTES:
        raise _too_long(first)
    if start > size:
        raise _Broken(f"its header ends at byte {start}, and the file at {size}")
    shapes: dict[tuple[int, ...], tuple[int, ...]] = {}

    def entry(pairs: list[tuple[str, Any]]) -> Any:
        # A header may hold half a million entries, which take a third of the memory once they are tensors.
        found = _object(pairs)
        try:
            dtype, shape, begin, end = _tensor("", found)
        except _Broken:
            return found
        return Stored(BY_NAME[dtype].name, shapes.setdefault(shape, shape), path, start + begin, start + end)

    try:
        entries = json.loads(file.read(length).decode(), object_pairs_hook=entry)
    except UnicodeDecodeError:
        raise _Broken("its header is not UTF-8 text") from None
    except RecursionError:
        raise _Broken("its header is nested too deeply") from None
    except ValueError as error:
        raise _Broken(f"its header is not JSON: {quote_long(str(error))}") from None
    if not isinstance(entries, dict):
        raise _Broken("its header is not a JSON object of tensors")
    return entries, start, size


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise _Broken(f"its header has {quote_long(name)} twice")
    return found


def _metadata(entries: dict[str, Any]) -> dict[str, str]:
    """Take the metadata out of the entries."""
    metadata = entries.pop(METADATA, None)
    if metadata is None:
        return {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _Broken("its metadata is not an object of strings")
    return metadata


def _tensors(entries: dict[str, Any], start: int, size: int) -> dict[str, Stored]:
    for name, entry in entries.items():
        if not isinstance(entry, Stored):
            _tensor(name, entry)
    found, offset = {}, start
    for name, stored in sorted(entries.items(), key=_position):
        if stored.start != offset:
            raise _Broken(
                f"{quote_long(name)} starts at byte {quote(stored.start - start)} instead of {offset - start}"
            )
        if (stored.end - offset) * 8 != stored.values * BY_NAME[stored.dtype].bits:
            raise _Broken(
                f"{quote_long(name)} is {stored.dtype} of shape {quote(stored.shape)}, "
                f"which does not take {quote(stored.end - offset)} bytes"
            )
        found[name] = stored
        offset = stored.end
    if offset != size:
        raise _Broken(f"its tensors take {quote(offset - start)} bytes, and the file has {size - start} for them")
    return found


def _position(entry: tuple[str, Stored]) -> tuple[int, int]:
    return entry[1].start, entry[1].end


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
