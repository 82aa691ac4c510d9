"""A folder of adapters that PEFT saved by their names: all of them are listed, and one is chosen by its path."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from adapter_files import pair, write_adapter
from program import run

VALUES = np.ones((4, 16), np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Write two adapters side by side, beside files that are none."""
    for name in ("chat", "code"):
        write_adapter(tmp_path / name, pair("layers.0.q_proj", VALUES, VALUES.T))
    (tmp_path / "README.md").touch()
    (tmp_path / "runs").mkdir()
    return str(tmp_path)


def test_inspect_lists_all(folder: str) -> None:
    """A record each."""
    found = json.loads(run("inspect", folder, "--json").stdout)
    assert [record["adapter"] for record in found["results"]] == [str(Path(folder, name)) for name in ("chat", "code")]


def test_check_judges_all(folder: str) -> None:
    """A verdict on each."""
    result = run("check", folder, "--max-params", "100", "--field", "path,passed")
    assert result.returncode == 1
    assert [line.split("\t")[0] for line in result.stdout.splitlines()].count(str(Path(folder, "chat"))) == 2


@pytest.mark.parametrize(
    "command",
    [
        ("forward", "--weights", "w.safetensors", "--module", "q_proj", "--adapter"),
        ("count", "--model", "gpt2", "--adapter"),
    ],
)
def test_where_one_is_needed_they_are_named(command: tuple[str, ...], folder: str) -> None:
    """The message says how to choose."""
    result = run(*command, folder)
    assert result.returncode == 2
    assert "has 2 adapters ('chat', 'code'); give the path of one, e.g. " in result.stderr


def test_the_only_one_is_meant(tmp_path: Path) -> None:
    """Whatever command reads it."""
    write_adapter(tmp_path / "chat", pair("h.0.attn.c_attn", VALUES, VALUES.T), target_modules=["c_attn"])
    assert run("inspect", str(tmp_path), "--field", "r").stdout == "4\n"
    assert run("count", "--model", "gpt2", "--adapter", str(tmp_path), "--field", "r").stdout == "4\n"
