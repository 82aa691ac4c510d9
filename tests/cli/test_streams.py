"""Configs from standard input, named pipes and a shell's `<(...)`, from the real program."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest
from program import PROGRAM, run
from small_models import GPT2

ADAPTER = json.dumps({"peft_type": "LORA", "r": 4, "target_modules": ["c_attn"]})
MODEL = json.dumps(GPT2)
FIELD = ("--field", "trainable_params")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a model's config and an adapter's, and return their folder."""
    (tmp_path / "model.json").write_text(MODEL)
    (tmp_path / "adapter.json").write_text(ADAPTER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def counted(*arguments: str, stdin: str) -> str:
    """Return what the program prints with that text as its standard input."""
    done = run(*arguments, input=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("path", ["-", "/dev/stdin", "/dev/fd/0"])
@pytest.mark.usefixtures("files")
def test_standard_input_is_read_as_the_file_is(path: str) -> None:
    """A model's config or an adapter's, by each of its names, in every command that takes one."""
    usual = run("count", "--model", "model.json", "--adapter", "adapter.json", *FIELD).stdout
    assert counted("count", "--model", path, "--adapter", "adapter.json", *FIELD, stdin=MODEL) == usual
    assert counted("count", "--model", "model.json", "--adapter", path, *FIELD, stdin=ADAPTER) == usual
    assert counted("sweep", "--model", path, "--target", "c_attn", "-r", "4", *FIELD, stdin=MODEL) == usual
    fit = ("--max-params", usual.strip(), "--field", "r")
    assert counted("fit", "--model", path, "--target", "c_attn", *fit, stdin=MODEL) == "4\n"
    checked = ("--expect-params", usual.strip(), "--field", "passed")
    assert counted("check", path, "--model", "model.json", *checked, stdin=ADAPTER) == "true\n"
    assert counted("check", path, "--target", "c_attn", "-r", "4", *checked, stdin=MODEL) == "true\n"


def test_a_file_as_standard_input_is_read(files: Path) -> None:
    """`< model.json` is not a pipe."""
    with (files / "model.json").open() as file:
        assert run("count", "--model", "/dev/stdin", "-r", "4", *FIELD, stdin=file).returncode == 0
    with (files / "model.json").open() as file:
        assert run("count", "--model", "-", "-r", "4", *FIELD, stdin=file).returncode == 0


@pytest.mark.usefixtures("files")
def test_a_shells_pipes_are_read() -> None:
    """Two of them, one for the model and one for the adapter."""
    command = f"{PROGRAM} count --model <(cat model.json) --adapter <(sleep 0.2; cat adapter.json) --field r"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")


@pytest.mark.usefixtures("files")
def test_a_named_pipe_waits_for_its_writer_but_not_for_ever() -> None:
    """A writer that starts a little later is read; without one, a line says so."""
    os.mkfifo("pipe")
    writer = threading.Timer(0.3, lambda: Path("pipe").write_text(MODEL))
    writer.start()
    assert run("count", "--model", "pipe", "-r", "4").returncode == 0
    writer.join()
    done = run("count", "--model", "pipe", "-r", "4", timeout=10)
    assert (done.returncode, done.stderr.count("no program writes to this pipe")) == (2, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("count", "--model", "-", "--adapter", "-"),
        ("count", "--model", "-", "--adapter", "/dev/stdin"),
        ("sweep", "--model", "-", "--model", "/dev/fd/0", "-r", "4"),
        ("check", "-", "--model", "-"),
        ("inspect", "-", "-"),
        ("forward", "--weights", "-", "--adapter", "-", "--module", "x"),
    ],
)
def test_two_readers_of_standard_input_are_refused(arguments: tuple[str, ...]) -> None:
    """Only one of them would get it."""
    done = run(*arguments, input=MODEL)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "standard input can be read only once" in done.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "\ud800", " " * (64 * 2**20 + 1)], ids=range(5))
def test_a_stream_that_holds_no_config_is_2(text: str) -> None:
    """Empty, broken or past the size limit: one line."""
    done = run("count", "--model", "-", "-r", "4", input=text, errors="surrogatepass")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_closed_standard_input_is_2() -> None:
    """`<&-` leaves nothing to read."""
    done = subprocess.run(
        ["bash", "-c", f"{PROGRAM} count --model - -r 4 <&-"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_dash_is_standard_output(files: Path) -> None:
    """`-o -` writes no file of that name."""
    matrix = ("count", "-d", "8", "-h", "8", "-r", "2", "--format", "json")
    assert run(*matrix, "-o", "-").stdout == run(*matrix).stdout
    assert not (files / "-").exists()
