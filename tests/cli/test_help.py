"""Help, version and completion."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import example
import pytest
from program import run

import lora_cli
from lora_cli.cli.registry import command_names


@pytest.mark.parametrize("command", command_names())
def test_every_command_has_help_with_examples_that_run(command: str, tmp_path: Path) -> None:
    """Help opens with one sentence, and each of its examples is answered where README's folders are."""
    example.write(tmp_path)
    shown = run(command, "--help").stdout
    assert re.search(r"^  [A-Z][^.]*\.$", shown, re.MULTILINE)
    examples = re.findall(rf"^ +lora-cli ({command} .*)$", shown, re.MULTILINE)
    assert len(examples) >= 2
    for line in examples:
        assert run(*shlex.split(line), cwd=tmp_path).returncode == 0


def test_help_lists_the_commands() -> None:
    """The first screen names every command, whole."""
    shown = run("--help").stdout
    for command in command_names():
        assert re.search(rf"^  {command} +[A-Z][^.]*\.$", shown, re.MULTILINE)


def test_the_version_is_the_packages() -> None:
    """--version prints the name and the version."""
    assert run("--version").stdout == f"lora-cli {lora_cli.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(shell: str) -> None:
    """The completion that --show-completion prints works for commands and options."""
    assert "lora-cli" in run("--show-completion", shell).stdout
    words = {"bash": "COMP_WORDS", "zsh": "_TYPER_COMPLETE_ARGS", "fish": "_TYPER_COMPLETE_ARGS"}[shell]
    env = {"_LORA_CLI_COMPLETE": f"complete_{shell}", "COMP_CWORD": "2", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = run(env={**env, words: "lora-cli count --"})
    assert "--in-features" in done.stdout
