"""From a command line to an exit code. Only this file turns errors into messages and exit codes."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum

from lora_cli.cli import streams
from lora_cli.cli.answer import Answer, Printed
from lora_cli.cli.application import named_command, spelling
from lora_cli.cli.command_line import parse, presentation_of
from lora_cli.cli.pyproject_file import WrongSettings
from lora_cli.cli.terminal import message_width
from lora_cli.errors import Enumeration, LoraCliError, OutputFailed, arguments_spelled, printable
from lora_cli.output.report import Location
from lora_cli.output.wrapping import wrapped
from lora_cli.time_limit import shared_limits

PROGRAM = "lora-cli"
# How far the lines of a message are indented that follow its first.
INDENT = 4
# What Typer's completion is asked by.
COMPLETION_VARIABLE, COMPLETION_OPTIONS = "_LORA_CLI_COMPLETE", ("--install-completion", "--show-completion")


class ExitCode(IntEnum):
    """The exit codes of the program, documented in README. An interruption is 130."""

    DONE = 0
    LIMIT_BROKEN = 1
    TROUBLE = 2
    BUG = 70


def _say(text: str, kind: str = "") -> None:
    """Write a message to stderr, without control characters, which an argument may hold: one line but on a terminal.

    There each part of an enumeration has a line.
    """
    if isinstance(sys.stderr, io.TextIOWrapper):
        # A locale without Unicode gets escapes.
        sys.stderr.reconfigure(errors="backslashreplace")
    # If stderr is closed or full, nobody can be told, but the exit code still tells.
    if sys.stderr is not None:
        with suppress(OSError):
            width = message_width(sys.stderr)
            parts = text.parts if isinstance(text, Enumeration) and width else ()
            lines = (wrapped(printable(f"{' ' * INDENT}{part}"), width, 2 * INDENT) for part in parts)
            first = wrapped(printable(f"{PROGRAM}: {kind}{text}"), width, INDENT)
            # At once, so that of several programs that write there no line is torn.
            sys.stderr.write("\n".join([first, *lines, ""]))


def _answer(argv: Sequence[str]) -> int:
    """Run a command, write what it returns, and return the exit code."""
    answer = _completion(argv) or parse(argv)
    if isinstance(answer, Printed):
        with suppress(BrokenPipeError), streams.standard_output() as stream:
            stream.write(answer.text)
        return ExitCode.TROUBLE if answer.code else ExitCode.DONE
    # A closed pipe is not an error, but a check that fails still does.
    shown, notes, unwritten = False, [*answer.notes], None
    if answer.is_written:
        try:
            answer.presentation.write(answer.report, answer.plot)
            shown = answer.presentation.is_log or answer.presentation.beside_stderr
            notes += answer.presentation.notes
        except BrokenPipeError:
            pass
        except OutputFailed as error:
            if not answer.troubles:
                raise
            unwritten = error
    _say_beside(answer, notes, shown=shown)
    # Without records only troubles were lost, and stderr has them now.
    if unwritten is not None and answer.report.size:
        raise unwritten
    if answer.troubles:
        return ExitCode.TROUBLE
    return ExitCode.LIMIT_BROKEN if answer.failures or answer.misfits else ExitCode.DONE


def _say_beside(answer: Answer, notes: Sequence[str], *, shown: bool) -> None:
    """Say on stderr what an answer says beside its report, and what its reader did not see in that."""
    told = answer.told if answer.presentation.beside_stderr else ()
    for kind, sentences in (("error", answer.errors), ("warning", answer.warnings), ("note", notes)):
        for sentence in sentences:
            if sentence not in told:
                _say(sentence, f"{kind}: ")
    for failure in () if shown else answer.failures:
        _say(f"check failed: {failure}")
    for misfit in answer.misfits:
        _say(misfit)
    reported = {trouble.message for trouble in answer.report.troubles} if shown else ()
    for trouble in answer.troubles:
        if trouble not in reported:
            _say(f"error: {trouble}")


def _completion(argv: Sequence[str]) -> Printed | None:
    """Return the answer where a shell, or a user who sets one up, asks for completion."""
    if instruction := os.environ.get(COMPLETION_VARIABLE):
        from lora_cli.cli.completion import completion

        return completion(instruction)
    if argv and argv[0] in COMPLETION_OPTIONS:
        from lora_cli.cli.completion_setup import set_up

        return set_up(*argv)
    return None


def _refuse(argv: Sequence[str], message: str, location: Location | None = None) -> int:
    """Say why there is no answer, in the format that the command line wants where that has errors, and return 2."""
    shown = False
    # What cannot be written there is still said on stderr.
    with suppress(LoraCliError, OSError):
        presentation = presentation_of(argv)
        shown = presentation is not None and presentation.write_error(argv[0], message, location)
    if not shown:
        _say(f"error: {message}")
    return ExitCode.TROUBLE


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        with arguments_spelled(spelling(named_command(argv))), shared_limits(), warnings.catch_warnings():
            # Python's own warnings are about code, which the user of a command does not see.
            warnings.simplefilter("ignore")
            return _answer(argv)
    except OutputFailed as error:
        _say(f"error: {error}")
        return ExitCode.TROUBLE
    except WrongSettings as error:
        from lora_cli.cli.locations import location

        return _refuse(argv, str(error), location(error.path, error.line))
    except LoraCliError as error:
        return _refuse(argv, str(error))
    except MemoryError:
        return _refuse(argv, "not enough memory; give smaller sizes")
    except Exception:
        import traceback

        traceback.print_exc()
        _say("error: this is a bug in lora-cli; please report it with the lines above and the command")
        return ExitCode.BUG
