"""The command line: from options to streams and exit codes. It does no arithmetic."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit code."""
    try:
        # Imported here, so that Ctrl-C during the imports is handled too.
        from lora_cli.cli.main import run

        return run(argv)
    except KeyboardInterrupt:
        return 130
