"""What a shell is told each time somebody presses Tab.

Typer has the scripts by which shells ask, and finds what is being typed. Here the answer is quick, because only the
command on the line is built; right in bash, which takes words apart; and silent whatever goes wrong, because the user is
in the middle of a line.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from itertools import product

from lora_cli.cli.answer import Printed
from lora_cli.cli.application import application
from lora_cli.cli.registry import command_names
from lora_cli.errors import InvalidInput, choices, quote

PROGRAM = "lora-cli"
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
# What Typer is asked by: for candidates, or for the script that asks for them.
VARIABLE = "_LORA_CLI_COMPLETE"
CANDIDATES, SCRIPT = "complete", "source"
# Typer would import Rich to take its markup out of help, which has none, and a model of an unknown type would be built.
TOO_SLOW = ("rich", "transformers")
# The words up to the cursor, in bash and in the other shells.
BASH_WORDS, BASH_CURSOR, WORDS = "COMP_WORDS", "COMP_CWORD", "_TYPER_COMPLETE_ARGS"
# An option with its value in one word. These shells replace all of it, so it goes before each candidate.
OPTION = re.compile(r"^--[\w-]+=")
STARTS = {
    "zsh": re.compile(r'^(_arguments .*?\(\()?"', re.MULTILINE),
    "fish": re.compile(r"^(?=.)", re.MULTILINE),
}


def completion(instruction: str) -> Printed:
    """Return the answer to an instruction like `complete_bash`."""
    known = [f"{verb}_{shell}" for verb, shell in product((CANDIDATES, SCRIPT), SHELLS)]
    if instruction not in known:
        raise InvalidInput(f"{VARIABLE} is {quote(instruction)}; {choices(instruction, known)}")
    verb, _, shell = instruction.partition("_")
    if verb == SCRIPT:
        return typers_answer()
    try:
        return _candidates(shell)
    except Exception:
        return Printed("", 1)


def typers_answer(argv: Sequence[str] = (), command: str | None = None) -> Printed:
    """Return what Typer prints for the whole program, or for it with one command alone."""
    shown = io.StringIO()
    try:
        with redirect_stdout(shown), redirect_stderr(io.StringIO()):
            code = application(command, is_whole=True)(list(argv), prog_name=PROGRAM, standalone_mode=False)
    except SystemExit as stop:
        code = stop.code
    return Printed(shown.getvalue(), int(code or 0))


def _candidates(shell: str) -> Printed:
    """Return what fits behind what is typed."""
    for package in TOO_SLOW:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]  # None forbids its import
    kept = _join_bash_words()
    words = re.split(r"\s+", os.environ.get(BASH_WORDS) or os.environ.get(WORDS, ""))
    command = words[1] if len(words) > 2 and words[1] in command_names() else None
    text, code = typers_answer(command=command)
    if shell == "zsh":
        # Typer doubles an apostrophe, which the shell takes for nothing where it stands in a quoted text.
        text = text.replace("''", r"'\''")
    option = OPTION.match(words[-1])
    if option and shell in STARTS:
        text = STARTS[shell].sub(rf"\g<0>{option[0]}", text)
    return Printed("\n".join(line.removeprefix(kept) for line in text.split("\n")), code)


def _join_bash_words() -> str:
    """Put words together that bash takes apart at = and :, and return what bash keeps of the last one's value.

    To bash, `--set use_dora=t` has the words `--set`, `use_dora`, `=` and `t`, of which it replaces `t`.
    """
    words, cursor = os.environ.get(BASH_WORDS, "").split("\n"), int(os.environ.get(BASH_CURSOR, "0"))
    if not 0 < cursor < len(words):
        return ""
    joined = [words[0]]
    for word in words[1 : cursor + 1]:
        if word and (word[0] in "=:" or joined[-1][-1:] in ("=", ":")):
            joined[-1] += word
        else:
            joined.append(word)
    os.environ |= {BASH_WORDS: "\n".join(joined), BASH_CURSOR: str(len(joined) - 1)}
    return OPTION.sub("", joined[-1].removesuffix(words[cursor].lstrip("=:")))
