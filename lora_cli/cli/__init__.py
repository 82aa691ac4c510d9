"""The command line: options in, streams and exit codes out; no arithmetic."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit code."""
    try:
        # Inside, so that Ctrl-C during the imports is an interruption like any other.
        from lora_cli.cli.main import run

        return run(argv)
    except KeyboardInterrupt:
        return 130
