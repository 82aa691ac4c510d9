"""Settings: a dataclass whose fields read themselves, with PEFT's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.peft_fields import ranks
from lora_cli.methods.config.settings import (
    checked,
    defaults,
    either,
    flag,
    ignored,
    mapping,
    read_settings,
    real,
    setting,
    size,
    text,
)
from lora_cli.models.config import Config


def no_seven(config: Config, name: str) -> None:
    """Refuse a 7."""
    if config.fields.get(name) == 7:
        raise InvalidInput(f"{name} is 7")


@dataclass(frozen=True, slots=True)
class Example:
    """A field of each kind, and one that is not read."""

    count: int = size(3)
    depth: int | None = size(None, least=0)
    alpha: float = real(8, null=False)
    share: float = real(0.5, least=0, most=1)
    on: bool = flag(True)
    way: str = text("up", "up", "down")
    start: bool | str | None = either(flag(True), text(None))
    sizes: Mapping[str, int] = mapping(ranks)
    double: int = setting(lambda config, name: 2 * config.size(name, default=1), 2)
    note: object = ignored()
    odd: object = checked(no_seven)
    places: int = 0


def read(**fields: Any) -> Example:
    """Return the settings that these fields make."""
    return read_settings(Example, Config(fields, "here"))


def test_nothing_is_the_defaults() -> None:
    """They are those of the class itself, and only fields of the config have one."""
    assert read() == Example()
    assert list(defaults(Example).items()) == [
        ("count", 3),
        ("depth", None),
        ("alpha", 8),
        ("share", 0.5),
        ("on", True),
        ("way", "up"),
        ("start", True),
        ("sizes", {}),
        ("double", 2),
        ("note", None),
        ("odd", None),
    ]


def test_values_are_read() -> None:
    """Each by its own reader; what is not a field of the config is not."""
    own = read(count=5, depth=0, alpha=1.5, way="down", start="bat", sizes={"a": 1}, double=4, note=[1], places=9)
    assert (own.count, own.depth, own.alpha, own.way, own.start) == (5, 0, 1.5, "down", "bat")
    assert (own.sizes, own.double, own.note, own.places) == ({"a": 1}, 8, [1], 0)
    assert replace(own, places=2).places == 2


def test_a_null_is_a_missing_field_unless_peft_breaks_on_it() -> None:
    """PEFT writes most of its fields as null."""
    assert read(count=None, depth=None, share=None, way=None, start=None) == Example()
    with pytest.raises(InvalidInput, match="alpha is null"):
        read(alpha=None)


def test_ignored_fields_make_no_difference() -> None:
    """Two settings are equal whatever such a field holds."""
    assert read(note=1, odd=2) == Example()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 0),
        ("count", True),
        ("depth", -1),
        ("share", 1.1),
        ("on", 1),
        ("way", "left"),
        ("start", 3),
        ("odd", 7),
    ],
)
def test_a_wrong_value_is_refused_by_name(field: str, value: object) -> None:
    """The sentence has the field."""
    with pytest.raises(InvalidInput, match=field):
        read(**{field: value})
