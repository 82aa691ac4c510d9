"""Adapter files that other programs wrote, recorded in tests/reference, and how to write one of them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from patterns import pattern

REFERENCE = Path(__file__).parents[1] / "reference"
Case = dict[str, Any]


def cases(writer: str) -> Sequence[Case]:
    """Return what is recorded of a writer."""
    return [json.loads(line) for line in (REFERENCE / f"{writer}_files.ndjson").read_text().splitlines()]


def case(writer: str, name: str) -> Case:
    """Return what is recorded under a name."""
    return next(each for each in cases(writer) if each["name"] == name)


def write_case(recorded: Case, path: Path) -> str:
    """Write the file of a case with values that `pattern` makes, and its config beside it; return its path.

    A tensor of one number, such as an alpha, is 2.
    """
    shapes = {key: shape for key, (_, shape) in recorded["tensors"].items()}
    arrays = {key: pattern(key, shape) if shape else np.float32([2]).reshape(()) for key, shape in shapes.items()}
    safetensors.numpy.save_file(arrays, path, metadata=recorded.get("metadata"))
    if recorded.get("config"):
        (path.parent / "adapter_config.json").write_text(json.dumps(recorded["config"]))
    return str(path)
