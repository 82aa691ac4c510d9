"""The program that tests run: warm, it is the one that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from program import run, run_from_start

from lora_cli.cli.blas_threads import BLAS_THREADS

CONFIG = '{"model_type": "gpt2", "n_layer": 2}'
needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="no program is warm there")


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("count -d 8 -h 8 -r 2 --json", {}),
        ("count - -r 2 -t c_attn --per-module", {"input": CONFIG}),
        ("count - -r 2", {"input": ""}),
        ("forward -d 8 -h 8 -r 2", {}),
        ("count --help", {"env": {"COLUMNS": "60"}}),
        ("memory gpt2 -r 8 --format table --color always", {}),
        ("count gtp2 -r 8", {}),
        ("check -d 8 -h 8 -r 2 --max-params 1", {"env": {"GITHUB_ACTIONS": "true"}}),
        (
            "--version",
            {"env": {"_LORA_CLI_COMPLETE": "complete_bash", "COMP_WORDS": "lora-cli\nmo", "COMP_CWORD": "1"}},
        ),
        ("count \udcff\x1bä -r 8", {"errors": "surrogateescape"}),
    ],
)
def test_a_warm_program_does_what_one_from_the_start_does(line: str, options: dict[str, Any]) -> None:
    """To the byte, with the same exit code."""
    warm, fresh = (each(*line.split(" "), **options) for each in (run, run_from_start))
    assert (warm.returncode, warm.stdout, warm.stderr) == (fresh.returncode, fresh.stdout, fresh.stderr)
    assert warm.stdout or warm.stderr


def test_a_run_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    """No folder, environment or open stream."""
    (tmp_path / "config.json").write_text(CONFIG, encoding="utf-8")
    arguments = ("count", "config.json", "-r", "1", "--field", "r")
    before = sorted(os.listdir("/proc/self/fd")) if sys.platform == "linux" else []
    assert run(*arguments, cwd=tmp_path).stdout == "1\n"
    assert run(*arguments).returncode == 2
    assert run("--help", env={"COLUMNS": "40"}).stdout != run("--help").stdout
    assert before == (sorted(os.listdir("/proc/self/fd")) if sys.platform == "linux" else [])


@needs_fork
def test_a_warm_program_that_hangs_is_ended() -> None:
    """And the next one runs."""
    with pytest.raises(subprocess.TimeoutExpired):
        run("sweep", "-d", "64", "-h", "64", "-r", "1:4000000", "--format", "csv", timeout=0.5)
    assert run("count", "-d", "8", "-h", "8", "-r", "2", "--field", "r").stdout == "2\n"


@needs_fork
def test_what_python_reads_when_it_starts_needs_a_start() -> None:
    """A warm program has read it already."""
    said = "ü is no word"
    ascii_only = run("count", said, "-r", "1", env={"PYTHONIOENCODING": "ascii"}).stderr
    assert "\\xfc is no word" in ascii_only
    assert said in run("count", said, "-r", "1").stderr


@needs_fork
def test_a_run_stays_warm_whatever_threads_a_test_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that runs inside a test tells NumPy to use one."""
    for name in BLAS_THREADS:
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(subprocess, "run", None)
    assert run("--version").returncode == 0
