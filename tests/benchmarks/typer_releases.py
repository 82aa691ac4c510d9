"""Which Typer to depend on is decided by how long its releases take to start, and by what they load to do it.

Give releases as arguments to measure others. There is no bound: the range in pyproject.toml is
chosen from this table.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from measure import Command, alternate, environment, print_table

RELEASES = ("0.16.1", "0.20.1", "0.27.3", "0.28.0", "0.29.2")
ROUNDS = 21
SLOW_IMPORTS = ("rich", "pydantic")
BARE = "python -c pass"


def installed(release: str, folder: Path) -> list[str]:
    """Return the command of the three-option app on `release`, which is installed into `folder`."""
    venv.create(folder)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", f"typer=={release}"], check=True, env=environment())
    app = str(Path(__file__).with_name("three_options.py"))
    return [python, app, "-d", "1024", "-h", "1024", "-r", "32"]


def slow_imports(command: Command) -> list[str]:
    """Return which packages known to be slow `command` loads."""
    python, *arguments = command
    traced = [python, "-X", "importtime", *arguments]
    log = subprocess.run(traced, check=True, capture_output=True, text=True, env=environment()).stderr
    loaded = {line.rpartition("|")[2].strip() for line in log.splitlines()}
    return [package for package in SLOW_IMPORTS if package in loaded]


def main() -> int:
    """Install, measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        commands: dict[str, list[str]] = {BARE: [sys.executable, "-c", "pass"]}
        for release in sys.argv[1:] or RELEASES:
            command = installed(release, Path(folder, release))
            loads = " and ".join(slow_imports(command)) or "neither rich nor pydantic"
            commands[f"typer {release}, loads {loads}"] = command
        alternate(commands, 1)
        print_table(f"three options, median of {ROUNDS}", alternate(commands, ROUNDS), BARE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
