"""From a command line to an answer, or to what Typer printed instead."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from inspect import signature
from itertools import zip_longest

import typer

from lora_cli.cli.answer import Answer, Printed
from lora_cli.cli.application import OWN_OPTIONS, application, named_command
from lora_cli.cli.presentation import Presentation
from lora_cli.cli.registry import command_function, judges
from lora_cli.errors import InvalidInput, OutputFailed, quote

# Typer returns this exit code after Ctrl-C.
TYPERS_INTERRUPTED = 130
# What other programs show their help by.
HELP_WORD, HELP = "help", "--help"
# The options that say where an error goes, too.
PRESENTED = {"--format": "format", "--output": "output", "-o": "output"}


def parse(argv: Sequence[str]) -> Answer | Printed:
    """Run the command that `argv` names; return its answer, or what Typer printed instead.

    Nothing is written here: Typer exits with 1 on a closed pipe, which for `check` means that a limit does not hold.
    """
    argv = _with_help(argv)
    command = named_command(argv)
    if command is None and argv[0] not in OWN_OPTIONS:
        from lora_cli.cli.wrong_usage import refuse_missing_command

        refuse_missing_command(argv)
    program = "lora-cli" if command is None else f"lora-cli {command}"
    arguments = list(argv if command is None else argv[1:])
    shown = io.StringIO()
    try:
        with redirect_stdout(shown):
            app = application(command, with_help=command is None or HELP in argv)
            answer = app(arguments, prog_name=program, standalone_mode=False)
    except SystemExit as stop:
        return Printed(shown.getvalue(), int(stop.code or 0))
    except OutputFailed:
        raise
    except OSError as error:
        raise OutputFailed(f"cannot write {quote(error.filename)}: {error.strerror}") from error
    except typer.TyperException as problem:
        from lora_cli.cli.wrong_usage import usage_error

        raise InvalidInput(usage_error(problem.format_message(), command)) from problem
    if answer == TYPERS_INTERRUPTED:
        raise KeyboardInterrupt
    return answer if isinstance(answer, Answer) else Printed(shown.getvalue(), int(answer or 0))


def presentation_of(argv: Sequence[str]) -> Presentation | None:
    """Return where and in which format a command line wants its verdicts, also where the rest of it is wrong.

    None for a command without verdicts. A forgotten value takes no option along, as in `-r --format github`.

    >>> presentation_of(["check", "-r", "--format=github", "-o", "out"])[0:4]
    ('github', False, None, 'out')
    """
    command = named_command(argv)
    if command is None or not judges(command):
        return None
    wanted: dict[str, str] = {}
    for word, following in zip_longest(argv, argv[1:], fillvalue=""):
        option, equals, value = word.partition("=")
        if option in PRESENTED:
            wanted[PRESENTED[option]] = value if equals else following
    output = wanted.get("output")
    return Presentation(format=wanted.get("format"), output=None if output == "-" else output)


def _with_help(argv: Sequence[str]) -> Sequence[str]:
    """Return a command line in which help is asked for by --help.

    That is what an empty one asks for, the word help, and -h where no matrix has a number of outputs; elsewhere -h
    needs a value.
    """
    if not argv:
        return [HELP]
    if argv[0] == HELP_WORD:
        if len(argv) > 2:
            raise InvalidInput(f"help takes one command, and {quote(argv[2])} is one word too many")
        return [*argv[1:2], HELP]
    command = named_command(argv)
    if "-h" not in argv or (command is None and argv != ["-h"]):
        return argv
    if command is None or "h" not in signature(command_function(command, with_help=False)).parameters:
        return [HELP if word == "-h" else word for word in argv]
    for option, value in zip_longest(argv, argv[1:]):
        if option == "-h" and (value is None or (value[:1] == "-" and not value[1:2].isdigit())):
            raise InvalidInput(
                "-h is the number of outputs of the matrix, as in the literature, and needs a value, e.g. -h 1024; "
                f"for help, type `lora-cli {command} {HELP}`"
            )
    return argv
