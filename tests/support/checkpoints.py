"""Checkpoints for tests: headers as they are given, and as many empty bytes behind them as they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from lora_cli.dtypes import BY_NAME


def entries(tensors: Mapping[str, tuple[str, Sequence[int]]]) -> dict[str, dict[str, Any]]:
    """Return a header's entries for tensors of a type and a shape, one behind the other."""
    found, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        end = offset + prod(shape) * BY_NAME[dtype].bits // 8
        found[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    return found


def write_header(path: Path, header: Mapping[str, Any] | bytes, data_bytes: int | None = None) -> None:
    """Write a header and bytes behind it that take no room on the disk: as many as it says, or as are given."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    if data_bytes is None:
        assert not isinstance(header, bytes)
        data_bytes = max(
            (entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0
        )
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + data_bytes)


def write(
    path: Path,
    tensors: Mapping[str, tuple[str, Sequence[int]]],
    values: Mapping[str, bytes] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a file of tensors of a type and a shape, the `values` of some of them given."""
    header: dict[str, Any] = entries(tensors)
    if metadata is not None:
        header = {"__metadata__": metadata, **header}
    write_header(path, header)
    with path.open("r+b") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        for name, content in (values or {}).items():
            file.seek(start + header[name]["data_offsets"][0])
            file.write(content)


def write_shards(folder: Path, *shards: Mapping[str, tuple[str, Sequence[int]]]) -> Path:
    """Write shards and their index, and return its path."""
    places = {}
    for number, tensors in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write(folder / name, tensors)
        places |= dict.fromkeys(tensors, name)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return index
