"""The options that name what is adapted: one matrix or a model, which is the argument of a command too."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lora_cli.cli.candidates import model_sources
from lora_cli.cli.help_text import RUN, SUBJECT
from lora_cli.cli.presentation import INPUT
from lora_cli.errors import InvalidInput, argument, quote

A_MODEL = (
    "a preset, a config.json (- for standard input), a checkpoint, their folder, or a Hub name, e.g. org/name or "
    "org/name@revision"
)

D = Annotated[
    str | None, typer.Option("--in-features", "-d", metavar="D", help="Number of inputs of W.", rich_help_panel=SUBJECT)
]
H = Annotated[
    str | None,
    typer.Option("--out-features", "-h", metavar="H", help="Number of outputs of W.", rich_help_panel=SUBJECT),
]


def _model_option(what: str) -> Any:
    return typer.Option(
        "--model",
        "-m",
        metavar="SOURCE",
        help=f"{what}: {A_MODEL}.",
        autocompletion=model_sources,
        rich_help_panel=SUBJECT,
    )


ModelSource = Annotated[str | None, _model_option("A model instead of -d and -h"), INPUT]
# The same for a command that has no matrix.
OnlyModelSource = Annotated[str | None, _model_option("The model"), INPUT]
Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[SOURCE]",
        help="The model, as --model takes it.",
        rich_help_panel=SUBJECT,
        autocompletion=model_sources,
    ),
    INPUT,
]
Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...",
        help="Models, as --model takes them.",
        rich_help_panel=SUBJECT,
        autocompletion=model_sources,
    ),
    INPUT,
]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="FILE",
        help="A trainer's own configuration, e.g. of axolotl, LLaMA-Factory or TRL (- for standard input), that says what is "
        "adapted, how, and how it is trained; options beside it replace what it says.",
        rich_help_panel=SUBJECT,
    ),
    INPUT,
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="Never use the network: Hub names are looked up only in the Hub's cache.",
        rich_help_panel=RUN,
    ),
]


def model_of(source: str | None, model: str | None) -> str | None:
    """Return the model that a command's argument or its option names."""
    if source is not None and model is not None:
        raise InvalidInput(f"SOURCE {quote(source)} conflicts with {argument('model')}; drop one of them")
    return model if source is None else source
