"""The options that name what is adapted and how, and what they stand for together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from lora_cli.cli.options import shared as options
from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.models import MAX_DIMENSION
from lora_cli.quantities import parse_choice, parse_positive, parse_whole

if TYPE_CHECKING:
    from lora_cli.analysis.count.matrix_count import MatrixCount
    from lora_cli.analysis.count.model_count import ModelCount
    from lora_cli.methods.config.adapter_config import AdapterConfig

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
Method = Annotated[
    str | None,
    typer.Option("--method", metavar="NAME", help="The method; `lora-cli methods` lists them.  [default: lora]"),
]
Alpha = Annotated[
    str | None, typer.Option("--alpha", metavar="ALPHA", help="The method's alpha, which changes no count.")
]
AdapterDtype = Annotated[
    str | None,
    typer.Option(
        "--adapter-dtype", metavar="NAME", help="The type that the adapter is saved in, else PEFT's own choice."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="A field of the method's PEFT config; may be repeated."),
]
# What a list of module names is made of; anything else is a regular expression.
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,")
ADAPTER_CONFIG = "adapter_config.json"
DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}


class How(NamedTuple):
    """The options that say how a subject is adapted."""

    method: str | None = None
    r: str | None = None
    alpha: str | None = None
    sets: Sequence[str] = ()
    target: str | None = None
    adapter: str | None = None
    dtype: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is LoRA by its rank alone."""
        others = (self.alpha, self.adapter, self.dtype)
        return (
            self.method in {None, "lora"} and self.r is not None and not self.sets and others == (None,) * len(others)
        )


class Counted(NamedTuple):
    """The count of one matrix or of a model, what there is to warn of, and what to note beside it."""

    cost: MatrixCount | ModelCount
    warnings: list[str]
    notes: Sequence[str] = ()


def cost(d: str | None, h: str | None, model: str | None, how: How) -> Counted:
    """Return what the options together ask for."""
    if model is None:
        return matrix_cost(d, h, how)
    from lora_cli.analysis.count.model_count import count_model
    from lora_cli.models.sources.read_model import read_model

    if d is not None or h is not None:
        raise InvalidInput("-d and -h are one matrix's, --model is a model; leave one of them out")
    config, warnings = adapter_config(how)
    counted = count_model(read_model(model), config)
    return Counted(counted, warnings + counted.warnings(), counted.notes())


def matrix_cost(d: str | None, h: str | None, how: How) -> Counted:
    """Return the count of one matrix."""
    if how.target is not None:
        raise InvalidInput("--target names modules of a model; give --model too")
    d_size, h_size = (
        options.read(option, required(option, text), parse_whole, 1, MAX_DIMENSION)
        for option, text in zip(options.SIZES[:2], (d, h), strict=True)
    )
    if how.is_plain:
        from lora_cli.analysis.count.matrix_count import plain_count

        matrix = plain_count(d_size, h_size, options.read(options.SIZES[2], how.r or "", parse_whole, 1, MAX_DIMENSION))
        return Counted(matrix, matrix.warnings())
    from lora_cli.analysis.count.adapted_matrix import count_matrix

    config, warnings = adapter_config(how, of_model=False)
    counted = count_matrix(d_size, h_size, config)
    return Counted(counted, warnings + counted.warnings(), counted.notes())


def required(option: str, text: str | None) -> str:
    """Return the text of an option that one matrix cannot do without."""
    if text is None:
        raise InvalidInput(f"{option} is missing; one matrix takes {', '.join(options.SIZES)}, a model --model")
    return text


def adapter_config(how: How, *, of_model: bool = True) -> tuple[AdapterConfig, list[str]]:
    """Return the config that the options describe, and a warning for each field of its file that is not known."""
    fields, source = config_fields(how, of_model=of_model, needs_rank=not of_model)
    config, unknown = read_fields(how, fields, source)
    if unknown and how.adapter is None:
        raise unknown_field(source, unknown[0])
    return config, unknown_warnings(source, unknown)


def config_fields(how: How, *, of_model: bool, needs_rank: bool) -> tuple[dict[str, Any], str]:
    """Return the fields of the config that the options describe, and what to call their source."""
    from lora_cli.methods.config.adapter_config import CHOOSING, on_one_matrix
    from lora_cli.models.files import read_object

    if how.adapter is None:
        fields = option_fields(how, needs_rank=needs_rank)
        source = f"method {fields['peft_type'].lower()}"
        for name in sorted(CHOOSING & fields.keys()) if not of_model else ():
            raise InvalidInput(f"--set: {name} chooses among the modules of a model; give --model too, or leave it out")
    else:
        path = os.path.join(how.adapter, ADAPTER_CONFIG) if os.path.isdir(how.adapter) else how.adapter
        fields, source = read_object(path), quote_long(path)
        _check_adapter(how, fields, source)
    return (fields if of_model else on_one_matrix(fields)), source


def read_fields(how: How, fields: Mapping[str, Any], source: str) -> tuple[AdapterConfig, list[str]]:
    """Return the config that has these fields, and those of them that are not known."""
    from dataclasses import replace

    from lora_cli.methods.config.adapter_config import read_adapter_config
    from lora_cli.models.config import Config

    config, unknown = read_adapter_config(Config(fields, source), how.method)
    if how.dtype is not None:
        name = options.read("--adapter-dtype", how.dtype, parse_choice, *DTYPES)
        config = replace(config, adapter_dtype=DTYPES[name])
    return config, unknown


def unknown_field(source: str, field: str) -> InvalidInput:
    """Return the error for a field that the method does not have."""
    return InvalidInput(f"--set: {source} has no field {quote(field)}; `lora-cli methods NAME` lists its fields")


def unknown_warnings(source: str, unknown: Sequence[str]) -> list[str]:
    """Return a warning for each field of a file that is not known."""
    return [f"{source}: field {quote(name)} is unknown and ignored" for name in unknown]


def shared_settings(hows: Sequence[How], *, of_model: bool) -> list[How]:
    """Return several methods' options with the settings that each has; one that none of them has is refused."""
    lost = []
    for how in hows:
        fields, source = config_fields(how, of_model=of_model, needs_rank=False)
        lost.append(frozenset(read_fields(how, fields, source)[1]))
    for field in sorted(frozenset.intersection(*lost)):
        raise unknown_field(f"method {hows[0].method}", field)
    return [
        how._replace(sets=[text for text in how.sets if parse_setting(text)[0] not in unknown])
        for how, unknown in zip(hows, lost, strict=True)
    ]


def _check_adapter(how: How, fields: Mapping[str, Any], source: str) -> None:
    """Refuse options that would say again, or otherwise, what an adapter's config says."""
    given = {"-r": how.r, "--target": how.target, "--alpha": how.alpha, "--set": how.sets or None}
    for option, value in given.items():
        if value is not None:
            raise InvalidInput(f"--adapter says what {option} would; leave one of them out")
    peft_type = fields.get("peft_type", "LORA")
    if how.method is not None and how.method.upper() != peft_type:
        raise InvalidInput(f"{source}: peft_type is {quote(peft_type)} and --method {quote(how.method)}; leave one out")


def option_fields(how: How, *, needs_rank: bool) -> dict[str, Any]:
    """Return the fields of a PEFT config as the options give them."""
    from lora_cli.methods import method_named, variant_fields

    method = method_named("lora" if how.method is None else how.method)
    fields: dict[str, Any] = {
        "peft_type": method.peft_type,
        **variant_fields("lora" if how.method is None else how.method),
    }
    if how.r is not None:
        if method.rank is None:
            knob = f", its size is --set {method.knob}=N" if method.knob else ""
            raise InvalidInput(f"-r/--rank: method {method.name} has no rank{knob}; leave -r out")
        fields["r"] = options.read(options.SIZES[2], how.r, parse_whole, 1, MAX_DIMENSION)
    elif needs_rank and method.rank is not None and not any(text.startswith("r=") for text in how.sets):
        required(options.SIZES[2], None)
    if how.alpha is not None:
        if method.alpha is None:
            raise InvalidInput(f"--alpha: method {method.name} has no alpha; leave it out")
        fields[method.alpha] = options.read("--alpha", how.alpha, parse_positive)
    if how.target is not None:
        names = target_modules(how.target)
        fields["target_modules"] = names if isinstance(names, str) else list(names)
    for text in how.sets:
        field, value = parse_setting(text)
        if field in fields:
            raise InvalidInput(f"--set: {quote(field)} is given twice, or by an option of its own; leave one out")
        fields[field] = value
    return fields


def parse_setting(text: str) -> tuple[str, Any]:
    """Return the field and the value of FIELD=VALUE: the value as JSON, or else as text."""
    import json

    field, equals, value = text.partition("=")
    if not field or not equals:
        raise InvalidInput(f"--set: {quote(text)} is no FIELD=VALUE; write it like n_frequency=1000")
    try:
        return field, json.loads(value)
    except (ValueError, RecursionError):
        return field, value


def target_modules(text: str) -> tuple[str, ...] | str:
    """Return a list of names, or a text that PEFT takes as all-linear or as a regular expression."""
    # A space behind a comma is a habit of writing, and no part of a name.
    names = tuple(name.strip() for name in text.split(","))
    if text.lower() == "all-linear" or not NAME_CHARACTERS.issuperset("".join(names)):
        return text
    if not all(names):
        raise InvalidInput(f"--target: {quote(text)} has an empty name; write it like q_proj,v_proj or all-linear")
    return names
