"""The options that name what is adapted: one matrix or a model."""

from __future__ import annotations

from typing import Annotated

import typer

from lora_cli.cli.presentation import INPUT

D = Annotated[str | None, typer.Option("--in-features", "-d", metavar="D", help="Number of inputs of W.")]
H = Annotated[str | None, typer.Option("--out-features", "-h", metavar="H", help="Number of outputs of W.")]
ModelSource = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="SOURCE",
        help="A model instead of -d and -h: a preset, a config.json (- for standard input), a checkpoint or their folder.",
    ),
    INPUT,
]
