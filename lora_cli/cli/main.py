"""From argv to an exit code: the one place where errors become lines and numbers."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum

from lora_cli.cli import streams
from lora_cli.cli.application import Printed, parse
from lora_cli.errors import LoraCliError

PROGRAM = "lora-cli"
# A run makes up to a hundred thousand small records that live until its end, and hardly a cycle.
GARBAGE_THRESHOLD = 100_000


class ExitCode(IntEnum):
    """What the program says to a shell, beside 130 for an interruption; documented in README."""

    DONE = 0
    LIMIT_BROKEN = 1
    TROUBLE = 2
    BUG = 70


def _say(kind: str, text: str) -> None:
    """Write one line to stderr: ASCII, and no control character that an argument may have brought."""
    line = f"{PROGRAM}: {kind}: {text}".encode("ascii", "backslashreplace").decode()
    # With stderr closed or full there is nobody to tell, and the exit code still says it.
    if sys.stderr is not None:
        with suppress(OSError):
            print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), file=sys.stderr)


def _answer(argv: Sequence[str]) -> int:
    answer = parse(argv)
    if isinstance(answer, Printed):
        with streams.standard_output() as stream:
            stream.write(answer.text)
        return ExitCode.TROUBLE if answer.code else ExitCode.DONE
    # A reader that has gone away has what it wanted; a limit that does not hold is still one. A file is written of
    # what could all be read alone.
    if not (answer.troubles and answer.show.output is not None):
        with suppress(BrokenPipeError):
            answer.show.write(answer.report)
    for warning in answer.warnings:
        _say("warning", warning)
    for note in answer.notes:
        _say("note", note)
    for failure in answer.failures:
        _say("check failed", failure)
    for trouble in answer.troubles:
        _say("error", trouble)
    if answer.troubles:
        return ExitCode.TROUBLE
    return ExitCode.LIMIT_BROKEN if answer.failures else ExitCode.DONE


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit code."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        return _answer(sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:
        return ExitCode.DONE
    except LoraCliError as error:
        _say("error", str(error))
        return ExitCode.TROUBLE
    except MemoryError:
        _say("error", "there is not enough memory for this; give smaller sizes")
        return ExitCode.TROUBLE
    except Exception:
        import traceback

        traceback.print_exc()
        _say("error", "this is a bug in lora-cli; please report it with the lines above and the command")
        return ExitCode.BUG
