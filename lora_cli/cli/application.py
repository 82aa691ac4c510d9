"""The Typer application: from a command line to an answer."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import cache
from inspect import signature
from itertools import zip_longest
from typing import Annotated, Any, NamedTuple

import typer

from lora_cli import __version__
from lora_cli.cli.answer import Answer
from lora_cli.cli.help_text import LISTINGS, QUESTIONS, WIDTH, GroupedCommands, GroupedHelp
from lora_cli.cli.presentation import Presentation
from lora_cli.cli.registry import command_function, command_names, command_outline, is_listing, judges
from lora_cli.cli.single_options import SingleOptions
from lora_cli.errors import SHOWN_LONG_CHARACTERS, InvalidInput, OutputFailed, choices, near_miss, quote

# Typer returns this exit code after Ctrl-C.
TYPERS_INTERRUPTED = 130
# What Typer writes before the options that resemble an unknown one.
TYPERS_NEAR_MISS = " (Possible options: "
# What Typer says of an option that a command does not have.
TYPERS_UNKNOWN = "No such option"
# The options of the program itself.
OWN_OPTIONS = ("--help", "--version", "-V", "--install-completion", "--show-completion")
# The options that say where an error goes, too.
PRESENTED = {"--format": "format", "--output": "output", "-o": "output"}


class Printed(NamedTuple):
    """What Typer printed itself (help or a completion script), and its exit code."""

    text: str
    code: int


class _Command(SingleOptions, GroupedHelp):
    """What every command has."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lora-cli {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Count what a parameter-efficient fine-tune costs, exact to the parameter.

    \b
    Examples:
      lora-cli count llama-3.1-8b --target all-linear -r 16
      lora-cli fit llama-3.1-8b --target all-linear --max-params 20M
      lora-cli sweep llama-3.1-8b -r 8,16 --method lora,dora,vera
      lora-cli check my-adapter --max-bytes 50MB
      lora-cli inspect my-adapter --model base
      lora-cli count -d 1024 -h 1024 -r 32
      lora-cli forward -d 4096 -h 14336 -r 16 --dtype bfloat16
    """


def application(command: str | None = None, *, with_help: bool = True, is_whole: bool = False) -> typer.Typer:
    """Return the Typer application, or one of its commands as an application of its own or, `is_whole`, as its only one.

    Typer builds every option of every command on each run, so a run that names its command gets only that one, and
    a run that names none gets only the outline of each.
    """
    is_whole = is_whole or command is None
    # Without Rich, help is the same everywhere and its examples keep their lines.
    app = typer.Typer(
        cls=GroupedCommands,
        context_settings=WIDTH,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=is_whole,
    )
    if is_whole:
        app.callback()(_root)
    for name in command_names() if command is None else (command,):
        group = LISTINGS if is_listing(name) else QUESTIONS
        function = command_outline(name) if command is None else command_function(name, with_help=with_help)
        app.command(name, cls=_Command, rich_help_panel=group)(function)
    return app


def named_command(argv: Sequence[str]) -> str | None:
    """Return the command that a command line names; the program's own options name none."""
    return argv[0] if argv and argv[0] in command_names() else None


def spelling(command: str | None) -> Callable[[str], str]:
    """Return a function that spells the name of an argument as the command line does.

    The options of `command` say how: `d` is `-d/--in-features`, and `flag=False` what turns a flag off. Any other name
    gets dashes.

    >>> spelled = spelling("check")
    >>> spelled("d"), spelled("settings"), spelled("paths"), spelled("max_params"), spelled("batch")
    ('-d/--in-features', '--set', 'PATH', '--max-params', '--batch')
    """

    @cache
    def options() -> dict[str, str]:
        spelled: dict[str, str] = {}
        for parameter in () if command is None else _parameters(command):
            if parameter.param_type_name == "argument":
                # Its help shows `[PATH]...`; Python's functions take one `path` or several `paths`.
                metavar = str(parameter.metavar).strip("[].")
                spelled |= {str(parameter.name): metavar, metavar.lower(): metavar}
            else:
                spelled[str(parameter.name)] = "/".join(sorted(parameter.opts, key=len))
                spelled[f"{parameter.name}=False"] = "/".join(parameter.secondary_opts)
        return spelled

    return lambda name: options().get(name) or f"--{name.replace('_', '-')}"


def _parameters(command: str) -> Sequence[Any]:
    """Return Typer's parameters of a command."""
    from typer.main import get_command

    return get_command(application(command, with_help=False)).params


def _commands_with(option: str) -> list[str]:
    """Return the commands that have an option.

    >>> _commands_with("--per-module"), _commands_with("--colour")
    (['count', 'inspect'], [])
    """
    return [name for name in command_names() if any(option in each.opts for each in _parameters(name))]


def parse(argv: Sequence[str]) -> Answer | Printed:
    """Run the command that `argv` names; return its answer, or what Typer printed instead.

    Nothing is written here: Typer exits with 1 on a closed pipe, which for `check` means that a limit does not hold.
    """
    command = named_command(argv)
    argv = _with_help(argv, command)
    if command is None:
        _refuse_missing_command(argv)
    program = "lora-cli" if command is None else f"lora-cli {command}"
    arguments = list(argv if command is None else argv[1:])
    shown = io.StringIO()
    try:
        with redirect_stdout(shown):
            app = application(command, with_help=command is None or "--help" in argv)
            answer = app(arguments, prog_name=program, standalone_mode=False)
    except SystemExit as stop:
        return Printed(shown.getvalue(), int(stop.code or 0))
    except OutputFailed:
        raise
    except OSError as error:
        raise OutputFailed(f"cannot write {quote(error.filename)}: {error.strerror}") from error
    except typer.TyperException as problem:
        raise InvalidInput(_usage_error(problem, command, program)) from problem
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


def _refuse_missing_command(argv: Sequence[str]) -> None:
    """Refuse a command line that begins with anything but a command or the program's own options."""
    from shlex import join

    first = argv[0]
    if first[:1] not in {"", "-"}:
        raise InvalidInput(f"{quote(first)} is not a command; {choices(first, command_names())}")
    option = first.partition("=")[0] if first.startswith("--") else first[:2]
    if option not in OWN_OPTIONS and (commands := _commands_with(option)):
        line = join(argv)
        line = line if len(line) <= SHOWN_LONG_CHARACTERS else f"{option} ..."
        raise InvalidInput(f"the command before {option} is missing; write e.g. `lora-cli {commands[0]} {line}`")


def _with_help(argv: Sequence[str], command: str | None) -> Sequence[str]:
    """Return a command line in which help is asked for by --help.

    That is what an empty one asks for, and -h where no matrix has a number of outputs; elsewhere -h needs a value.
    """
    if not argv:
        return ["--help"]
    if "-h" not in argv or (command is None and argv != ["-h"]):
        return argv
    if command is None or "h" not in signature(command_function(command, with_help=False)).parameters:
        return ["--help" if word == "-h" else word for word in argv]
    for option, value in zip_longest(argv, argv[1:]):
        if option == "-h" and (value is None or (value[:1] == "-" and not value[1:2].isdigit())):
            raise InvalidInput(
                "-h is the number of outputs of the matrix and needs a value, e.g. -h 1024; for help use --help"
            )
    return argv


def _usage_error(problem: typer.TyperException, command: str | None, program: str) -> str:
    """Return Typer's message as one line, with this program's words for a near miss."""
    message = problem.format_message().replace("\n", " ").strip().rstrip(".")
    message, _, options = message.partition(TYPERS_NEAR_MISS)
    wanted = message.rpartition(" ")[2]
    help_text = f"see {program} --help"
    if command is not None and message.startswith(TYPERS_UNKNOWN) and (others := _commands_with(wanted)):
        return f"{command} has no option {wanted}; {', '.join(others)} {'has' if len(others) == 1 else 'have'} it"
    # Typer repeats the user's word, however long it is.
    if len(message) > SHOWN_LONG_CHARACTERS:
        message = f"{message[:SHOWN_LONG_CHARACTERS]}... ({len(message)} characters)"
    return f"{message}; {near_miss(wanted, options.rstrip(')').split(', '), help_text)}"
