"""What Python lacks on Windows is not missed."""

from __future__ import annotations

import ntpath
import subprocess
import sys
from pathlib import Path

import example
import pytest
import windows
from program import PROGRAM, environment

from lora_cli.analysis.forward.weight_lookup import split_weights
from lora_cli.models.files import existing_start

COMMANDS = [
    "count -d 1024 -h 1024 -r 32",
    "count base --target .*(q|v)_proj -r 8 --json",
    "count - -r 8 --json",
    "forward -d 16 -h 16 -r 2 --format table --color always",
    "forward --weights base/model.safetensors:model.layers.0.self_attn.q_proj.weight --adapter my-adapter --module 0.self_attn.q_proj",
    "sweep -d 64:640:64 -h 64:640:64 -r 1:32 --format csv",
    "sweep -d 1:200 --square -r 1:8 -o out.csv",
    "fit base --max-params 20K --json",
    "check my-adapter --model base --max-params 1M --lock lora.lock --update-lock",
    "check broken --model base --format github",
    "inspect my-adapter --model base --spectrum --json",
    "count -d 8 -h 8 -r nothing",
    "methods --help",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_do_not_miss_what_windows_lacks(tmp_path: Path, command: str) -> None:
    """Without the names that Unix alone has, each prints, writes and returns what it does with them."""
    results = []
    for program in ([PROGRAM], [sys.executable, windows.__file__]):
        folder = tmp_path / str(len(results))
        example.write(folder)
        config = (folder / "base" / "config.json").read_text(encoding="utf-8")
        done = subprocess.run(
            [*program, *command.split()],
            cwd=folder,
            env=environment(),
            input=config,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        results.append((done.returncode, done.stdout, done.stderr, files))
    assert results[0] == results[1]
    assert results[0][0] in {0, 1, 2}


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        (r"C:\x\model.safetensors:wte.weight", r"C:\x\model.safetensors", "wte.weight"),
        (r"C:\x\model.safetensors", r"C:\x\model.safetensors", None),
        (r"C:\x", r"C:\x", None),
        (r"\\host\share\model.safetensors:a:b", r"\\host\share\model.safetensors:a", "b"),
    ],
)
def test_the_colon_of_a_drive_is_part_of_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, path: str, name: str | None
) -> None:
    """Not even where a file has the name of the drive's letter."""
    (tmp_path / "C").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.path.splitdrive", ntpath.splitdrive)
    assert existing_start(text) is None
    assert split_weights(text) == ((path, name) if path.endswith(".safetensors") else (text, None))
