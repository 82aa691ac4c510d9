"""The options that say how a subject is adapted, and the adaptation that they describe together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from lora_cli.cli.candidates import Candidates, method_names, one_of, setting_fields, target_names
from lora_cli.cli.help_text import METHOD
from lora_cli.cli.options.reading import read_given, size
from lora_cli.cli.presentation import INPUT
from lora_cli.dtypes import VALUE_TYPES
from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.registry import DEFAULT_METHOD, METHODS, method_named
from lora_cli.quantities import parse_positive

R = Annotated[
    str | None,
    typer.Option(
        "--rank",
        "-r",
        metavar="R",
        help="Rank of the adapter; `lora-cli methods NAME` shows the default of each method.  "
        "[default: PEFT's for a model, e.g. 8 for lora]",
        rich_help_panel=METHOD,
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="NAMES",
        help="Modules to adapt: names, e.g. q_proj,v_proj (may be repeated), or all-linear, or a regular expression "
        "for whole names.",
        autocompletion=target_names,
        rich_help_panel=METHOD,
    ),
]
Adapter = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="PATH",
        help="A PEFT adapter_config.json (- for standard input), its folder, or a Hub name; without a model, on the one "
        "that it names.",
        rich_help_panel=METHOD,
    ),
    INPUT,
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="NAME",
        help="Fine-tuning method; `lora-cli methods` lists them.  [default: lora]",
        autocompletion=one_of(method_names),
        rich_help_panel=METHOD,
    ),
]
Alpha = Annotated[
    str | None,
    typer.Option(
        "--alpha",
        metavar="ALPHA",
        help="The method's alpha, which does not change any count.",
        rich_help_panel=METHOD,
    ),
]
AdapterDtype = Annotated[
    str | None,
    typer.Option(
        "--adapter-dtype",
        metavar="NAME",
        help="Type in which the adapter is stored; without it, PEFT's own choice.",
        autocompletion=one_of(VALUE_TYPES),
        rich_help_panel=METHOD,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="A field of the method's PEFT config, e.g. bias=all, of those that `lora-cli methods NAME` lists; may be "
        "repeated.",
        autocompletion=setting_fields,
        rich_help_panel=METHOD,
    ),
]

# What trainers write before the names of fields of PEFT's configs.
TRAINERS_PREFIX = "lora_"


def method_candidates(*others: str) -> Candidates:
    """Offer the methods, and others that a command knows."""
    return one_of(lambda: (*method_names(), *others))


def read_adaptation(
    method: str | None = None,
    r: str | None = None,
    alpha: str | None = None,
    target: Sequence[str] | None = None,
    settings: Sequence[str] | None = None,
    adapter: str | None = None,
    adapter_dtype: str | None = None,
) -> Adaptation:
    """Return how the options adapt a subject."""
    return Adaptation(
        method,
        size("r", r),
        read_given("alpha", alpha, parse_positive),
        read_target(target),
        read_settings(settings, method),
        adapter,
        adapter_dtype,
    )


def read_target(texts: Sequence[str] | None) -> list[str] | str | None:
    """Return the targets of one option, or the names that several options list together."""
    if not texts or len(texts) == 1:
        return texts[0] if texts else None
    from lora_cli.methods.config.arguments import target_modules

    names: list[str] = []
    for text in texts:
        listed = target_modules(text)
        if isinstance(listed, str):
            raise InvalidInput(
                f"{argument('target')}: {quote(text)} adds to no other {argument('target')}, because it is not a list "
                "of names; give only it, or only names, e.g. q_proj,v_proj"
            )
        names += listed
    return list(dict.fromkeys(names))


def read_settings(texts: Sequence[str] | None, method: str | None = None) -> dict[str, Any]:
    """Return the fields and values of FIELD=VALUE texts, each value as JSON or else as text; `method` has the fields."""
    settings: dict[str, Any] = {}
    for text in texts or ():
        field, equals, value = text.partition("=")
        if not field or not equals:
            raise InvalidInput(
                f"{argument('settings')}: {quote(text)} is not FIELD=VALUE; write it like {_example(text, method)}"
            )
        if field in settings:
            raise InvalidInput(f"{argument('settings')}: {quote(field)} is given twice; drop one of them")
        settings[field] = _read_json(value)
    return settings


def _example(text: str, method: str | None) -> str:
    """Return how a field of the method is set: this one where it is a flag, or else one that the method has.

    >>> _example("use_dora", None), _example("bias", "vera"), _example("x", "prompt_tuning"), _example("x", "ln_tuning")
    ('use_dora=true', 'bias=all', 'prompt_tuning_init=RANDOM', 'x=VALUE')
    """
    if is_flag(text):
        return f"{text}=true"
    own = method_named(method if method in {*method_names()} else DEFAULT_METHOD)
    if "bias" in {*own.fields, *own.shared_fields}:
        return "bias=all"
    plain = (
        f"{field}={value}" for field, value in own.fields.items() if value and isinstance(value, str | int | float)
    )
    return next(plain, f"{text}=VALUE")


def is_flag(field: str) -> bool:
    """Whether the field of some method is true or false."""
    return any(isinstance(method_named(name).fields.get(field), bool) for name in METHODS)


def _read_json(text: str) -> Any:
    """Return a text as JSON, or as it is where it is not JSON."""
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
