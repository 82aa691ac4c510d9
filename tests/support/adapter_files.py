"""Trained adapters for tests, written without torch: a config, and arrays under PEFT's keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import numpy.typing as npt

from lora_cli.methods.adapter_file.file_size import PRECEDENCE

Array = npt.NDArray[Any]
TYPES = {"float64": "F64", "float32": "F32", "float16": "F16"}
CONFIG: dict[str, Any] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}


def stored_bytes(values: Array, dtype: str) -> bytes:
    """Return an array's bytes; bfloat16 is the upper half of a float32, here cut off."""
    if dtype == "BF16":
        return (np.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.ascontiguousarray(values).tobytes()


def write_arrays(
    path: Path, arrays: Mapping[str, Array], dtype: str | None = None, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file of arrays in their own types, or all in one, ordered as the library orders them."""
    types = {key: dtype or TYPES[str(values.dtype)] for key, values in arrays.items()}
    keys = sorted(arrays, key=lambda key: (PRECEDENCE[types[key]], key))
    header = {key: (types[key], arrays[key].shape) for key in keys}
    checkpoints.write(path, header, {key: stored_bytes(arrays[key], types[key]) for key in keys}, metadata)


def write_config(folder: Path, **fields: Any) -> None:
    """Write an adapter's config."""
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | fields))


def write_adapter(folder: Path, arrays: Mapping[str, Array], dtype: str | None = None, **fields: Any) -> str:
    """Write an adapter's folder, keys without PEFT's `base_model.model.`, and return its path."""
    folder.mkdir(exist_ok=True)
    write_config(folder, **fields)
    rooted = {f"base_model.model.{key}": values for key, values in arrays.items()}
    write_arrays(folder / "adapter_model.safetensors", rooted, dtype)
    return str(folder)


def pair(module: str, a: Array, b: Array) -> dict[str, Array]:
    """Return LoRA's two tensors of a module by their keys."""
    return {f"{module}.lora_A.weight": a, f"{module}.lora_B.weight": b}
