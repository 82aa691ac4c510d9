"""The listed fields of each method's config against PEFT's own dataclass: their defaults and their types."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from lora_cli.analysis.listings.known_methods import one
from lora_cli.methods import METHODS, method_named

# What PEFT's annotations call the types of JSON; a literal is a text, and a config of its own an object.
WORDS = {
    "boolean": ("bool",),
    "integer": ("int",),
    "number": ("float", "int"),
    "text": ("str", "Literal"),
    "list": ("list",),
    "object": ("dict", "Config"),
}


def default(field: dataclasses.Field[Any]) -> object:
    """Return PEFT's default as JSON has it; what it makes of a class of its own is an empty object."""
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    value = getattr(value, "value", value)
    if dataclasses.is_dataclass(value):
        return "{}"
    return json.dumps(value) if isinstance(value, dict | list) else value


@pytest.mark.parametrize("method", METHODS)
def test_fields_have_pefts_defaults_and_types(method: str) -> None:
    """Each that is listed; a number may be a whole one in PEFT, whose annotations leave out some of the types that it takes."""
    config = PEFT_TYPE_TO_CONFIG_MAPPING[method_named(method).peft_type]
    theirs = {field.name: field for field in dataclasses.fields(config)}
    for row in one(method)[1]:
        field = theirs[str(row["field"])]
        assert row["default"] == default(field), row
        words = [word for kind in str(row["type"]).split(" or ") for word in WORDS[kind]]
        assert any(word in str(field.type) for word in words), (row, field.type)
