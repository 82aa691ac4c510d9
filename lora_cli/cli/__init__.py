"""The command line: from options to streams and exit codes. It does no arithmetic."""

from __future__ import annotations

import atexit
import gc

# The imports and a run create up to a hundred thousand small objects that live until its end, and almost no cycles.
GARBAGE_THRESHOLD = 100_000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit code."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    # All memory goes with the process, which would first search it for cycles: a sixth of the time of a count.
    atexit.register(gc.freeze)
    try:
        # Imported here, so that Ctrl-C during the imports is handled too.
        from lora_cli.cli.ending import ending_cleanly
        from lora_cli.cli.main import run

        with ending_cleanly():
            return run(argv)
    except KeyboardInterrupt:
        return 130
