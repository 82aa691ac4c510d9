"""README's examples: run them, and write their output back.

A block that starts with ```console holds commands after `$ `, what each is for in lines after `# ` before it, and
behind it what it prints. The two commands of the first screen set an environment up and are run by .ci/run instead. The others find the
folders that tests/support/example.py writes.

`python tests/support/readme.py` checks the blocks against the `lora-cli` on PATH, with `--write` it renews
them. It needs nothing but Python. Blocks of Python are doctests.
"""

from __future__ import annotations

import difflib
import doctest
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import example

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(^# .*\n)*^\$ (?P<line>.*)$", re.MULTILINE)
SETUP = "python3 -m venv"


def output(command: str, folder: str) -> str:
    """Return what a shell prints for `command`, and the exit code where it is not 0."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {"PATH": path, "HOME": folder, "LANG": "C.UTF-8", "COLUMNS": "100"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    text = "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())
    return text.lstrip("\n").rstrip("\n") + "\n" if text.strip() else ""


def renewed(text: str) -> str:
    """Return README's text with the output that its commands give now."""
    with tempfile.TemporaryDirectory() as folder:
        example.write(Path(folder))

        def block(match: re.Match[str]) -> str:
            if SETUP in match[0]:
                return match[0]
            commands = COMMAND.finditer(match[0])
            return "\n".join(f"{command[0]}\n{output(command['line'], folder)}" for command in commands)

        return BLOCK.sub(block, text)


def main() -> int:
    """Check README, or write it anew."""
    text = README.read_text(encoding="utf-8")
    now = renewed(text)
    if "--write" in sys.argv[1:]:
        README.write_text(now, encoding="utf-8")
    elif now != text:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), now.splitlines(True), "README", "now"))
        return 1
    return min(1, doctest.testfile(str(README), module_relative=False).failed)


if __name__ == "__main__":
    sys.exit(main())
