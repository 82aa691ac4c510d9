"""Checkpoints from the real program: what it says on which stream, and what it never does to a hostile one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import checkpoints
import pytest
from program import run
from small_llama import llama

from lora_cli.models.config import Config
from lora_cli.models.model import read_config

SMALL = llama(tie_word_embeddings=True)
MODEL = read_config(Config(SMALL), "small")
STORED = {p.name: ("BF16", p.shape) for p in MODEL.all_parameters() if p.name not in MODEL.tied}
COUNT = ("--target", "q_proj,v_proj", "-r", "2", "--format", "csv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the small model as a checkpoint beside its config.json."""
    checkpoints.write(tmp_path / "model.safetensors", STORED)
    (tmp_path / "config.json").write_text(json.dumps(SMALL))
    return tmp_path


def test_a_checkpoint_counts_as_its_config_does(folder: Path) -> None:
    """The same record but for the name, and nothing on stderr."""
    described = run("count", "--model", str(folder / "config.json"), *COUNT)
    for source in (folder, folder / "model.safetensors"):
        done = run("count", "--model", str(source), *COUNT)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.replace(str(source), "X") == described.stdout.replace(str(folder / "config.json"), "X")


def test_a_checkpoint_alone_counts_the_same_and_says_how(folder: Path) -> None:
    """One warning; the figures do not change."""
    described = run("count", "--model", str(folder), *COUNT)
    (folder / "config.json").unlink()
    done = run("count", "--model", str(folder), *COUNT)
    assert done.stdout == described.stdout
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("lora-cli: warning: ")
    assert "no config.json beside it" in done.stderr


def test_a_checkpoint_alone_needs_a_target(folder: Path) -> None:
    """PEFT's defaults go by the model type, which nothing says."""
    (folder / "config.json").unlink()
    done = run("count", "--model", str(folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--target" in done.stderr


@pytest.mark.parametrize("command", ["count", "check", "sweep"])
def test_every_command_says_what_differs(folder: Path, command: str) -> None:
    """Once, on stderr, and the answer is the architecture's."""
    checkpoints.write(folder / "model.safetensors", STORED | {"model.layers.2.mlp.up_proj.weight": ("BF16", (128, 64))})
    limits = ("--max-params", "1M") if command == "check" else ()
    done = run(command, "--model", str(folder), *COUNT, *limits)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "+8,192: layers.2 +8,192" in done.stderr


def test_names_of_tensors_reach_no_terminal_raw(folder: Path) -> None:
    """Neither as a module nor in a warning, however long they are."""
    (folder / "config.json").unlink()
    hostile = {"\x1b[31m[red]\nq_proj.weight": ("BF16", (4, 4)), f"{'x' * 400}.q_proj.weight": ("BF16", (4, 4))}
    checkpoints.write(folder / "model.safetensors", hostile | {"\x1b[2Jints": ("I32", (4, 4))})
    for style in ("table", "plain", "csv", "markdown"):
        done = run("count", "--model", str(folder), "--target", r"(?s).*q_proj", "--per-module", "--format", style)
        assert done.returncode == 0
        assert "\x1b[31m" not in done.stdout + done.stderr
        assert "\x1b[2J" not in done.stdout + done.stderr
        assert len(done.stderr) < 1000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", (2**63).to_bytes(8, "little") + b"{}"),
        ("model.safetensors", (2).to_bytes(8, "little") + b"[]"),
        ("model.safetensors", os.urandom(4096)),
        ("model.safetensors.index.json", b"{}"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "../../etc/passwd"}}'),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "/etc/passwd"}}'),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "model.safetensors.index.json"}}'),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'),
        ("model-00001-of-00002.safetensors", (2).to_bytes(8, "little") + b"{}"),
        ("pytorch_model.bin", b"\x80\x02."),
        ("model.gguf", b"GGUF"),
    ],
)
@pytest.mark.parametrize("by", ["folder", "file"])
def test_a_broken_checkpoint_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, by: str) -> None:
    """With exit code 2, nothing on stdout, little memory and no wait."""
    (tmp_path / name).write_bytes(content)
    done = run("count", "--model", str(tmp_path if by == "folder" else tmp_path / name), *COUNT, timeout=10)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lora-cli: error: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 1000


def test_a_pipe_in_the_place_of_a_checkpoint_is_not_waited_for(tmp_path: Path) -> None:
    """Nor of its config.json."""
    os.mkfifo(tmp_path / "model.safetensors")
    for source in (tmp_path, tmp_path / "model.safetensors"):
        assert run("count", "--model", str(source), *COUNT, timeout=10).returncode == 2
    (tmp_path / "model.safetensors").unlink()
    checkpoints.write(tmp_path / "model.safetensors", STORED)
    os.mkfifo(tmp_path / "config.json")
    assert run("count", "--model", str(tmp_path), *COUNT, timeout=10).returncode == 2
