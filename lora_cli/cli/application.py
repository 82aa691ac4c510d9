"""The Typer application: its commands, and how their options are spelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

import typer

from lora_cli import __version__
from lora_cli.cli.help_text import LISTINGS, QUESTIONS, WIDTH, GroupedCommands, GroupedHelp
from lora_cli.cli.registry import command_function, command_names, command_outline, fields_of, is_listing
from lora_cli.cli.single_options import SingleOptions

# The options of the program itself.
OWN_OPTIONS = ("--help", "--version", "-V", "--install-completion", "--show-completion")


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
      lora-cli memory llama-3.1-8b -t all-linear -r 16 --quantize nf4 --gpu 4090
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
        fields = None if command is None or not with_help else ", ".join(fields_of(name))
        app.command(name, cls=_Command, rich_help_panel=group, epilog=fields)(function)
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
        for parameter in () if command is None else parameters_of(command):
            if parameter.param_type_name == "argument":
                # Its help shows `[PATH]...`; Python's functions take one `path` or several `paths`.
                metavar = str(parameter.metavar).strip("[].")
                spelled |= {str(parameter.name): metavar, metavar.lower(): metavar}
            else:
                spelled[str(parameter.name)] = "/".join(sorted(parameter.opts, key=len))
                spelled[f"{parameter.name}=False"] = "/".join(parameter.secondary_opts)
        return spelled

    return lambda name: options().get(name) or f"--{name.replace('_', '-')}"


def parameters_of(command: str) -> Sequence[Any]:
    """Return Typer's parameters of a command."""
    from typer.main import get_command

    return get_command(application(command, with_help=False)).params
