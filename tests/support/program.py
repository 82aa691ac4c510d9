"""The real program, run as a user runs it: the installed `lora-cli` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).with_name("lora-cli"))
# What colours or widens output elsewhere, so that a test sees the same on every machine.
UNSET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_ACTIONS", "GITHUB_WORKSPACE", "LC_ALL", "PYTHONIOENCODING")


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without what would change the output, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, "LANG": "C.UTF-8", **extra}


def run(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the program to its end, and return what it wrote and its exit code."""
    options = {"capture_output": True, "encoding": "utf-8", "timeout": 60, **options}
    return subprocess.run([PROGRAM, *arguments], env=environment(**(env or {})), check=False, **options)
