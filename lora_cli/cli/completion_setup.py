"""`--show-completion` and `--install-completion`: the script that a shell reads, and where it reads it.

Typer's own options take no name of a shell, and leave half of the work done where a file cannot be written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from lora_cli.cli import streams
from lora_cli.cli.answer import Printed
from lora_cli.cli.completion import CANDIDATES, PROGRAM, SCRIPT, SHELLS, VARIABLE, typers_answer
from lora_cli.errors import InvalidInput, OutputFailed, choices, quote, quote_long

SHOW = "--show-completion"


class Place(NamedTuple):
    """Where a shell finds completions below the home folder: a script, and the line of a start-up file that reads it.

    `end` is what the script there needs besides.
    """

    script: str
    startup: str | None = None
    line: str = ""
    end: str = ""


# Typer's places, so that what it installed is replaced.
PLACES: Mapping[str, Place] = {
    "bash": Place(".bash_completions/lora-cli.sh", ".bashrc", "source '{script}'"),
    "zsh": Place(
        ".zfunc/_lora-cli",
        ".zshrc",
        "fpath+=~/.zfunc; autoload -Uz compinit; compinit",
        # zsh reads the script at the first Tab, as the function that is to answer it.
        '\n_lora_cli_completion "$@"\n',
    ),
    "fish": Place(".config/fish/completions/lora-cli.fish"),
}


def set_up(option: str, *shells: str) -> Printed:
    """Show or install the script of the shell that is named, or else of the one that the program runs in."""
    shell, script = _script(option, shells)
    if option == SHOW:
        return Printed(f"{script}\n", 0)
    path = _install(shell, script)
    return Printed(f"completion for {shell} is installed in {path}; open a new terminal to use it\n", 0)


def _script(option: str, shells: Sequence[str]) -> tuple[str, str]:
    """Return a shell and its script. Which shell the program runs in, Typer finds out."""
    if len(shells) > 1:
        raise InvalidInput(f"{option} takes one shell, and {len(shells)} words follow it; keep one of them")
    for shell in shells:
        if shell not in SHELLS:
            raise InvalidInput(f"{option}: {quote(shell)} is not a known shell; {choices(shell, SHELLS)}")
        os.environ[VARIABLE] = f"{SCRIPT}_{shell}"
    try:
        script = typers_answer(() if shells else (SHOW,)).text.strip()
    finally:
        os.environ.pop(VARIABLE, None)
    asked = re.search(rf"{CANDIDATES}_(\w+)", script)
    if asked is None:
        raise InvalidInput(f"{option}: it is not clear which shell this is; name it, e.g. {option} bash")
    return asked[1], script


def _install(shell: str, script: str) -> str:
    """Write a script where its shell reads it, all of it or nothing, and return its path."""
    by_hand = f"add what `{PROGRAM} {SHOW} {shell}` prints to what {shell} reads when it starts"
    if shell not in PLACES:
        raise InvalidInput(f"completion for {shell} is not installed automatically; {by_hand}")
    home, place = os.path.expanduser("~"), PLACES[shell]
    path = os.path.join(home, place.script)
    is_new = not os.path.lexists(path)
    try:
        if not os.path.isdir(os.environ.get("HOME", home)):
            raise FileNotFoundError(0, "there is no such home folder", home)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with streams.output_file(path) as stream:
            stream.write(f"{script}\n{place.end}")
        if place.startup is not None:
            _add_line(os.path.join(home, place.startup), place.line.format(script=path))
    except OutputFailed as error:
        raise OutputFailed(f"{str(error).partition(';')[0]}; {by_hand}") from error
    except OSError as error:
        if is_new:
            # What no start-up file reads is of no use.
            with suppress(OSError):
                os.remove(path)
        raise OutputFailed(f"cannot write {quote_long(str(error.filename))}: {error.strerror}; {by_hand}") from error
    return path


def _add_line(path: str, line: str) -> None:
    """Add a line to a file that does not have it yet."""
    before = b""
    if os.path.lexists(path):
        with open(path, "rb") as file:
            before = file.read()
    if line.encode() not in before.splitlines():
        with open(path, "ab") as file:
            file.write(b"\n" * (before[-1:] not in (b"", b"\n")) + line.encode() + b"\n")
