"""The options that name what is adapted and how, and what they stand for together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lora_cli.cli import options
from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.models import MAX_DIMENSION
from lora_cli.quantities import parse_whole

if TYPE_CHECKING:
    from lora_cli.analysis.count import MatrixCount
    from lora_cli.analysis.count_model import ModelCount
    from lora_cli.methods.adapter_config import LoraConfig

D = Annotated[str | None, typer.Option("--in-features", "-d", metavar="D", help="Inputs of W, its d.")]
H = Annotated[str | None, typer.Option("--out-features", "-h", metavar="H", help="Outputs of W, its h.")]
R = Annotated[str | None, typer.Option("--rank", "-r", metavar="R", help="Rank of the adapter.")]
ModelSource = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="SOURCE",
        help="A model instead of -d and -h: a preset, a config.json, a checkpoint or their folder.",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAMES",
        help="Modules to adapt: names as q_proj,v_proj, all-linear, or a regex for whole names.",
    ),
]
Adapter = Annotated[
    str | None, typer.Option("--adapter", metavar="PATH", help="A PEFT adapter_config.json, or the folder that has it.")
]
# What a list of module names is made of; anything else is a regular expression.
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,")


class Counted(NamedTuple):
    """The count of one matrix or of a model, what there is to warn of, and what to note beside it."""

    cost: MatrixCount | ModelCount
    warnings: list[str]
    notes: Sequence[str] = ()


def cost(
    d: str | None, h: str | None, r: str | None, method: str, model: str | None, target: str | None, adapter: str | None
) -> Counted:
    """Return what the options together ask for."""
    if model is not None:
        return model_cost(d, h, r, method, model, target, adapter)
    for option, text in (("--target", target), ("--adapter", adapter)):
        if text is not None:
            raise InvalidInput(f"{option} names modules of a model; give --model too")
    from lora_cli.analysis.count import count

    d_text, h_text, r_text = (required(option, text) for option, text in zip(options.SIZES, (d, h, r), strict=True))
    matrix = count(*options.read_sizes(d_text, h_text, r_text), method)
    return Counted(matrix, matrix.warnings())


def required(option: str, text: str | None) -> str:
    """Return the text of an option that one matrix cannot do without."""
    if text is None:
        raise InvalidInput(f"{option} is missing; one matrix takes {', '.join(options.SIZES)}, a model --model")
    return text


def model_cost(
    d: str | None, h: str | None, r: str | None, method: str, model: str, target: str | None, adapter: str | None
) -> Counted:
    """Return the count of a model."""
    from lora_cli.analysis.count_model import count_model
    from lora_cli.methods import method_named
    from lora_cli.models.source import read_model

    if d is not None or h is not None:
        raise InvalidInput("-d and -h are one matrix's, --model is a model; leave one of them out")
    method_named(method)
    config, warnings = adapter_config(r, target, adapter)
    counted = count_model(read_model(model), config)
    return Counted(counted, warnings + counted.warnings(), counted.notes())


def adapter_config(r: str | None, target: str | None, adapter: str | None) -> tuple[LoraConfig, list[str]]:
    """Return the config that the options describe, and a warning for each field of its file that is not known."""
    from lora_cli.methods.adapter_config import LoraConfig, read_adapter_config
    from lora_cli.models.config import Config
    from lora_cli.models.files import read_object

    if adapter is None:
        rank = options.read("-r/--rank", "8" if r is None else r, parse_whole, 1, MAX_DIMENSION)
        return LoraConfig(r=rank, target_modules=None if target is None else target_modules(target)), []
    for option, text in (("-r", r), ("--target", target)):
        if text is not None:
            raise InvalidInput(f"--adapter says what {option} would; leave one of them out")
    path = os.path.join(adapter, "adapter_config.json") if os.path.isdir(adapter) else adapter
    config, unknown = read_adapter_config(Config(read_object(path), quote_long(path)))
    return config, [f"{quote_long(path)}: field {quote(name)} is unknown and ignored" for name in unknown]


def target_modules(text: str) -> tuple[str, ...] | str:
    """Return a list of names, or a text that PEFT takes as all-linear or as a regular expression."""
    # A space behind a comma is a habit of writing, and no part of a name.
    names = tuple(name.strip() for name in text.split(","))
    if text.lower() == "all-linear" or not NAME_CHARACTERS.issuperset("".join(names)):
        return text
    if not all(names):
        raise InvalidInput(f"--target: {quote(text)} has an empty name; write it like q_proj,v_proj or all-linear")
    return names
