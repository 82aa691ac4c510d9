"""A shell as somebody uses it: on a terminal of its own, with the keys that are pressed and what is then seen."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from program import PROGRAM, environment

COMMANDS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
# What makes a shell read completions, and write each command before it runs it.
SETUP = {
    "bash": "bind 'set enable-bracketed-paste off'; . {script}; set -x",
    "zsh": "unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D; . {script}; set -x",
}
SECONDS = 30
ESCAPES = re.compile(
    r"\x1b\[[0-9;?>=]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|[\x00-\x07\x0e-\x1a]"
)


class Shell:
    """A running shell, and the terminal that it is on."""

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.terminal, keys.encode())

    def wait_for(self, text: str) -> bool:
        """Return whether a text is written before long; anything before it is forgotten."""
        written, end = "", time.monotonic() + SECONDS
        while text not in written:
            if not select.select([self.terminal], [], [], max(0.0, end - time.monotonic()))[0]:
                return False
            written = ESCAPES.sub("", written + os.read(self.terminal, 65536).decode(errors="replace"))
        return True


@contextmanager
def shell(name: str, folder: Path, script: str) -> Iterator[Shell]:
    """Yield a shell in a folder that has read a script for completion."""
    path = folder / f".script.{name}"
    path.write_text(script, encoding="utf-8")
    terminal, inner = pty.openpty()
    env = environment(
        HOME=str(folder), TERM="dumb", PS1="$ ", PATH=f"{Path(PROGRAM).parent}:{os.environ['PATH']}", COLUMNS="200"
    )
    process = subprocess.Popen(
        COMMANDS[name], stdin=inner, stdout=inner, stderr=inner, env=env, cwd=folder, start_new_session=True
    )
    os.close(inner)
    try:
        started = Shell(terminal)
        started.press(f"{SETUP[name].format(script=path)}; echo re''ady\n")
        assert started.wait_for("ready")
        yield started
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
