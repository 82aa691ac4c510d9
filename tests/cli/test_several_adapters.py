"""A folder of adapters that PEFT saved by their names: all of them are listed, and one is chosen by its path."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from adapter_files import pair, write_adapter, write_arrays
from program import run

VALUES = np.ones((4, 16), np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Write two adapters side by side, beside files that are none."""
    for name in ("chat", "code"):
        write_adapter(tmp_path / name, pair("layers.0.q_proj", VALUES, VALUES.T))
    (tmp_path / "README.md").touch()
    (tmp_path / "trainer_state.json").write_text("{}")
    (tmp_path / "runs").mkdir()
    return str(tmp_path)


def write_loose(folder: str) -> Path:
    """Write an adapter of kohya's into a file beside them."""
    arrays = {"lora_down": VALUES, "lora_up": VALUES.T}
    file = Path(folder, "style.safetensors")
    write_arrays(file, {f"lora_unet_to_q.{name}.weight": values for name, values in arrays.items()})
    return file


def test_what_is_further_below_is_named(tmp_path: Path) -> None:
    """A folder of runs that hold adapters is not read, and the error says where the nearest is."""
    inner = tmp_path / "runs" / "first" / "checkpoint-10"
    inner.mkdir(parents=True)
    (inner / "adapter_config.json").write_text('{"peft_type": "LORA"}', encoding="utf-8")
    (tmp_path / ".cache" / "x").mkdir(parents=True)
    (tmp_path / ".cache" / "x" / "adapter_config.json").write_text("{}", encoding="utf-8")
    there = f"there is '{os.path.join('runs', 'first', 'checkpoint-10', 'adapter_config.json')}'; give its folder"
    for command in (
        ("inspect", "runs"),
        ("check", "runs", "--max-params", "1"),
        ("count", "gpt2", "--adapter", "runs"),
        ("count", "runs"),
    ):
        done = run(*command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert there in done.stderr


def test_a_loose_file_that_is_no_adapter_is_named(tmp_path: Path) -> None:
    """In a folder that has nothing else."""
    (tmp_path / "loose").mkdir()
    write_arrays(tmp_path / "loose" / "style.safetensors", {"a.weight": VALUES})
    done = run("inspect", "loose", cwd=tmp_path)
    assert done.returncode == 2
    assert f"no tensor of '{os.path.join('loose', 'style.safetensors')}' is named as one of an adapter" in done.stderr


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


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_those_below_an_adapter_are_said_to_be_unread(folder: str, command: str) -> None:
    """The checkpoints of a training lie below what it saved; with their own paths all are read."""
    unread = ": 2 adapters ('chat', 'code') in folders below it were not read; give the path of each, e.g. '"
    write_adapter(Path(folder), pair("layers.0.q_proj", VALUES, VALUES.T))
    done = run(command, folder)
    assert f"lora-cli: note: {folder}{unread}{Path(folder, 'chat')}'\n" in done.stderr
    for path in (str(Path(folder, "chat")), str(Path(folder, "adapter_config.json"))):
        assert "were not read" not in run(command, path).stderr


@pytest.mark.parametrize("command", [("inspect",), ("check", "--max-params", "1K")])
def test_a_file_beside_folders_is_one_more(folder: str, command: tuple[str, ...]) -> None:
    """All are read, so no adapter passes unseen; one that two paths lead to is checked once."""
    file = write_loose(folder)
    done = run(*command, folder, "--json")
    found = json.loads(done.stdout)["results"]
    paths = [str(file), str(Path(folder, "chat")), str(Path(folder, "code"))]
    assert list(dict.fromkeys(record.get("path", record.get("adapter")) for record in found)) == paths
    assert "not read" not in done.stderr
    if command[0] == "check":
        twice = run(*command, folder, str(file), paths[1], "--json")
        assert json.loads(twice.stdout)["results"] == found


def test_check_fails_on_a_broken_one_beside_a_good_file(folder: str) -> None:
    """A gate on the folder is a gate on each."""
    write_loose(folder)
    write_adapter(Path(folder, "code"), pair("layers.0.q_proj", VALUES * np.nan, VALUES.T))
    done = run("check", folder, "--field", "path,rule,passed")
    assert (done.returncode, f"{Path(folder, 'code')}\tfinding: nan\tfalse" in done.stdout) == (1, True)
