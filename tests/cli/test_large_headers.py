"""A header of 90 MB, the largest that is read: in limited memory."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import checkpoints
import pytest
from program import PROGRAM, environment

MODULES = 265_000
MOST_MEMORY = 400 * 2**20


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an adapter of a few hundred thousand modules, and return its folder."""
    folder = tmp_path_factory.mktemp("large")
    names = (f"base_model.model.model.layers.{n // 7}.self_attn.{'x' * 30}p{n % 7}" for n in range(MODULES))
    header = checkpoints.entries(
        {
            f"{name}.lora_{side}.weight": ("F32", shape)
            for name in names
            for side, shape in (("A", [2, 8]), ("B", [8, 2]))
        }
    )
    checkpoints.write_header(folder / "adapter_model.safetensors", header)
    assert (folder / "adapter_model.safetensors").stat().st_size > 85e6
    fields = {"peft_type": "LORA", "r": 2, "target_modules": [f"{'x' * 30}p{n}" for n in range(7)]}
    (folder / "adapter_config.json").write_text(json.dumps(fields))
    return folder


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments", [("inspect", "."), ("count", "--model", "adapter_model.safetensors", "--target", ".*", "-r", "1")]
)
def test_the_largest_header_is_read_in_little_memory(large: Path, arguments: tuple[str, ...]) -> None:
    """Its half a million entries are not held twice."""
    process = subprocess.Popen(
        [PROGRAM, *arguments, "-o", os.devnull], cwd=large, env=environment(), stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss * 1024 < MOST_MEMORY
