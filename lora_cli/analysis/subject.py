"""What is adapted, as a caller names it: the sizes of one matrix, or a model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex

from lora_cli.errors import InvalidInput, argument, quote, quote_long
from lora_cli.models.matrix import dimension

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.methods.config.adaptation import Adaptation
    from lora_cli.models.model import Model, Source


class Subject(NamedTuple):
    """A model, or the inputs and outputs of one matrix.

    `assumptions` are what a trainer's recipe says of it, if any does, and `base` the fields of PEFT's config for the
    model that the recipe names.
    """

    model: Model | None
    d: int = 0
    h: int = 0
    assumptions: tuple[str, ...] = ()
    base: Mapping[str, str] = MappingProxyType({})


def read_subject(
    d: SupportsIndex | None,
    h: SupportsIndex | None,
    model: Source | None,
    adapter: str | PathLike[str] | None = None,
) -> Subject:
    """Return the subject that the arguments name: a matrix or a model, but not both.

    Without either, it is the model that the config of an `adapter` names as its base.
    """
    if model is None:
        if adapter is not None and d is None and h is None:
            return Subject(_base_model(adapter))
        return Subject(None, *matrix_sizes(d, h))
    if d is not None or h is not None:
        raise InvalidInput(
            f"{argument('d')} and {argument('h')} describe one matrix, {argument('model')} a whole model; "
            "drop one of them"
        )
    from lora_cli.models.sources.read_model import read_model

    return Subject(read_model(model))


def _base_model(adapter: str | PathLike[str]) -> Model:
    """Return the model that the config of an adapter names, with a note that it does."""
    from lora_cli.methods.config.arguments import read_adapter_fields
    from lora_cli.models.files import path_text
    from lora_cli.models.sources.read_model import read_model
    from lora_cli.models.streams import is_stream

    path = path_text("adapter", adapter)
    if is_stream(path):
        raise InvalidInput(
            f"{argument('adapter')}: {quote_long(path)} is a stream, which is read once; give its model as {argument('model')}"
        )
    given = read_adapter_fields(path)
    base = base_model_name(given.fields)
    if base is None:
        raise InvalidInput(
            f"{argument('model')} is missing, and {given.source} has no base_model_name_or_path; give the model"
        )
    try:
        model = read_model(base)
    except InvalidInput as error:
        raise InvalidInput(
            f"{given.source}: its base_model_name_or_path cannot be read; give {argument('model')}: {error}"
        ) from error
    from dataclasses import replace

    note = f"the model is {quote_long(base)}, the base_model_name_or_path of {given.source}"
    return replace(model, notes=(note, *model.notes))


def base_model_name(fields: Mapping[str, Any]) -> str | None:
    """Return the base model that the config of an adapter names, at its revision; None where it names none.

    >>> base_model_name({"base_model_name_or_path": "org/name", "revision": "v1"})
    'org/name@v1'
    >>> base_model_name({"base_model_name_or_path": "-"}), base_model_name({"base_model_name_or_path": None})
    (None, None)
    """
    from lora_cli.models.sources.adapter_source import name_on_hub
    from lora_cli.models.streams import is_stream

    base, revision = fields.get("base_model_name_or_path"), fields.get("revision")
    # What a file says must not make the program wait for a stream.
    if not isinstance(base, str) or not base or is_stream(base):
        return None
    is_of_revision = isinstance(revision, str) and revision not in {"", "main"} and "@" not in base
    at_revision = f"{base}@{revision}" if is_of_revision else base
    # A folder here has no revisions.
    return at_revision if name_on_hub(base) is not None and name_on_hub(at_revision) is not None else base


def other_base_name(fields: Mapping[str, Any], given: str) -> str | None:
    """Return the base model that the config of an adapter names, None where it names none or the model that is `given`.

    >>> other_base_name({"base_model_name_or_path": "./base"}, "gpt2")
    './base'
    >>> other_base_name({"base_model_name_or_path": "openai-community/gpt2"}, "gpt2") is None
    True
    """
    from lora_cli.models.sources.preset import preset_named

    base = base_model_name(fields)
    if base is None or preset_named(base) == preset_named(given) is not None:
        return None
    return None if os.path.abspath(base) == os.path.abspath(given) else base


def matrix_sizes(
    d: SupportsIndex | None, h: SupportsIndex | None, needed: Sequence[str] = ("d", "h")
) -> tuple[int, int]:
    """Return the sizes of one matrix, both of which are needed."""
    refuse_name(d)
    if d is None or h is None:
        name = "d" if d is None else "h"
        sizes = ", ".join(map(argument, needed[:-1]))
        raise InvalidInput(
            f"{argument(name)} is missing; give {sizes} and {argument(needed[-1])} for one matrix, "
            f"or {argument('model')} for a model"
        )
    return dimension("d", d), dimension("h", h)


def refuse_name(d: object) -> None:
    """Refuse a text as the first size, where a Python caller may have meant a model."""
    if isinstance(d, str) and not d[:1].isdigit():
        raise InvalidInput(
            f"{argument('d')}: {quote(d)} is not a whole number; for a model, use {argument('model')}={quote(d)}"
        )


def refuse_target(how: Adaptation) -> None:
    """Refuse targets for one matrix, which has no modules to choose among."""
    if how.target is not None:
        raise InvalidInput(f"{argument('target')} names modules of a model; give {argument('model')} too")
