"""A header of 90 MB, the largest that is read: in limited memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from program import PROGRAM, environment

MODULES = 265_000
MOST_MEMORY = 400 * 2**20
# A small program in between, because one that is started counts the memory of its starter as its own.
MEASURE = """
import os, subprocess, sys
_, status, usage = os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an adapter and a model of a few hundred thousand modules, and return their folder."""
    folder = tmp_path_factory.mktemp("large")
    write_large(folder / "adapter_model.safetensors", "base_model.model.model", "lora_")
    write_large(folder / "model.safetensors", "model.decoder.model", "part_")
    fields = {"peft_type": "LORA", "r": 2, "target_modules": [f"{'x' * 30}p{n}" for n in range(7)]}
    (folder / "adapter_config.json").write_text(json.dumps(fields))
    return folder


def write_large(path: Path, root: str, part: str) -> None:
    """Write a file whose tensors are two parts of each module, piece by piece."""
    with path.open("wb") as file:
        file.write(bytes(8) + b"{")
        for n in range(2 * MODULES):
            name = f"{root}.layers.{n // 14}.self_attn.{'x' * 30}p{n // 2 % 7}.{part}{'AB'[n % 2]}.weight"
            shape = [[2, 8], [8, 2]][n % 2]
            entry = {"dtype": "F32", "shape": shape, "data_offsets": [64 * n, 64 * n + 64]}
            file.write(f'{", " if n else ""}"{name}": {json.dumps(entry)}'.encode())
        length = file.write(b"}") + file.tell() - 1 - 8
        file.seek(0)
        file.write(length.to_bytes(8, "little"))
        file.truncate(8 + length + 128 * MODULES)
    assert length > 85e6


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "."),
        ("count", "--model", "model.safetensors", "--target", r".*layers\.1\..*part_A", "-r", "1"),
    ],
)
def test_the_largest_header_is_read_in_little_memory(large: Path, arguments: tuple[str, ...]) -> None:
    """Its half a million entries are not held twice."""
    code = [sys.executable, "-c", MEASURE, PROGRAM, *arguments, "-o", os.devnull]
    done = subprocess.run(
        code, cwd=large, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    assert int(done.stdout) * 1024 < MOST_MEMORY
