"""Commands as one file each, and the options that all of them have."""

from __future__ import annotations

import inspect
import re

import pytest
from program import run

from lora_cli.cli.answer import Answer
from lora_cli.cli.application import spelling
from lora_cli.cli.presentation import Presentation
from lora_cli.cli.registry import command_function, command_names, command_outline, has_plot
from lora_cli.output.registry import formats_of


def test_the_commands_are_the_files_in_the_order_of_help() -> None:
    """Every file of the folder is a command, and help lists them as the registry does."""
    listed = re.findall(r"^  (\w+)  +[A-Z]", run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert tuple(listed) == command_names()


@pytest.mark.parametrize("command", command_names())
def test_every_command_has_the_options_of_all_commands(command: str) -> None:
    """The fields of Presentation are options of every command, after its own; --plot is of those that draw."""
    function = command_function(command, with_help=True)
    parameters = list(inspect.signature(function).parameters)
    options = [field for field in Presentation._fields if field != "plot" or has_plot(command)]
    assert parameters[-len(options) :] == options
    shown = " ".join(run(command, "--help").stdout.split())
    assert all(f"--{field}" in shown for field in options)
    listed = re.search(r"Output format: (.*?);", shown)
    assert listed is not None
    assert re.sub(r" \(\w+\)", "", listed[1]).split(", ") == ["auto", *formats_of(judged=command == "check")]


def test_a_command_gets_the_options_as_one_object() -> None:
    """What is given for the options arrives as one Presentation."""
    answer = command_function("models", with_help=False)(
        format="csv", json=False, field=None, output=None, color="never"
    )
    assert isinstance(answer, Answer)
    assert answer.presentation == Presentation(format="csv", color="never")


def test_arguments_are_spelled_as_the_command_declares_them() -> None:
    """A name without a declaration, and a name of no command, get dashes."""
    assert spelling("inspect")("path") == "PATH"
    assert spelling("count")("r") == "-r/--rank"
    assert spelling(None)("max_params") == "--max-params"


@pytest.mark.parametrize("command", command_names())
def test_the_outline_of_a_command_has_the_first_line_of_its_help(command: str) -> None:
    """It is read from the source, so it must be that of the function."""
    help_text = inspect.getdoc(command_function(command, with_help=False))
    assert help_text is not None
    assert command_outline(command).__doc__ == help_text.partition("\n")[0]
