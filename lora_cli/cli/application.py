"""The Typer application: which commands there are, and how a command line becomes an answer."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from itertools import zip_longest
from typing import Annotated, NamedTuple

import typer

from lora_cli import __version__
from lora_cli.cli.show import Show
from lora_cli.errors import InvalidInput, OutputFailed, quote
from lora_cli.output import Report

# Each command is the function of that name, and the module of commands that it is in.
COMMANDS = {
    **{name: name for name in ("count", "forward", "sweep", "fit", "check", "inspect")},
    "models": "list_models",
    "methods": "list_methods",
}
# Typer turns Ctrl-C into an exit code of its own.
TYPERS_INTERRUPTED = 130
COMPLETION_VARIABLE = "_LORA_CLI_COMPLETE"


class Answer(NamedTuple):
    """What a command found: a report, how to show it, and what to say beside it. `troubles` are input that could not be read."""

    report: Report
    show: Show
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    troubles: Sequence[str] = ()

    @property
    def failures(self) -> list[str]:
        """What the records of the report miss."""
        return [failure for failure in self.report.failures if failure is not None]


class Printed(NamedTuple):
    """What Typer printed itself, help or a completion script, and its exit code."""

    text: str
    code: int


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lora-cli {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Say what a parameter-efficient fine-tune costs, exact to the parameter.

    \b
    Examples:
      lora-cli count -d 1024 -h 1024 -r 32
      lora-cli forward -d 4096 -h 14336 -r 16 --dtype bfloat16
      lora-cli sweep -d 512:8192:x2 --square -r 4,8,16,32 --format csv
      lora-cli check -d 4096 -h 4096 -r 16 --max-percent 1
      lora-cli inspect my-adapter --model base
      lora-cli fit --model llama-3.1-8b --target all-linear --max-params 20M
    """


def application(command: str | None = None) -> typer.Typer:
    """Return the Typer application, or one of its commands as an application of its own.

    Typer builds every option of every command on each run, so a run that names its command is given
    that one alone.
    """
    # Without Rich, help is the same everywhere and its examples keep their lines.
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=command is None)
    if command is None:
        app.callback()(_root)
    for name in COMMANDS if command is None else (command,):
        app.command(name)(getattr(import_module(f"lora_cli.cli.commands.{COMMANDS[name]}"), name))
    return app


def parse(argv: Sequence[str]) -> Answer | Printed:
    """Run the command that `argv` names; return its answer, or what Typer has to say instead.

    Nothing is written here: Typer's own way with a closed pipe is to exit with 1, which `check` uses
    for a limit that does not hold.
    """
    for option, value in zip_longest(argv, argv[1:]):
        if option == "-h" and (value is None or (value[:1] == "-" and not value[1:2].isdigit())):
            raise InvalidInput("-h is the matrix's number of outputs and needs one, as in -h 1024; help is --help")
    command = argv[0] if argv and argv[0] in COMMANDS and COMPLETION_VARIABLE not in os.environ else None
    program = "lora-cli" if command is None else f"lora-cli {command}"
    arguments = list(argv if command is None else argv[1:])
    shown = io.StringIO()
    try:
        with redirect_stdout(shown):
            answer = application(command)(arguments, prog_name=program, standalone_mode=False)
    except SystemExit as stop:
        return Printed(shown.getvalue(), int(stop.code or 0))
    except OutputFailed:
        raise
    except OSError as error:
        raise OutputFailed(f"cannot write {quote(error.filename)}: {error.strerror}") from error
    except typer.TyperException as problem:
        message = problem.format_message().replace("\n", " ").strip().rstrip(".")
        raise InvalidInput(f"{message}; see {program} --help") from problem
    if answer == TYPERS_INTERRUPTED:
        raise KeyboardInterrupt
    return answer if isinstance(answer, Answer) else Printed(shown.getvalue(), int(answer or 0))
