"""What each field of a method's config does, in a phrase."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from lora_cli.analysis.listings.known_methods import one
from lora_cli.methods import METHODS, method_named
from lora_cli.methods.config.field_descriptions import SHARED, TYPES, descriptions
from lora_cli.methods.config.settings import READER, Written

LONGEST = 110


def annotated(kind: type[Any]) -> Iterator[tuple[str, object]]:
    """Yield each field that a class itself describes, and what it says."""
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if name in kind.__annotations__:
            yield from ((name, said) for said in getattr(hint, "__metadata__", ()))


@pytest.mark.parametrize("name", METHODS)
def test_every_field_of_a_method_is_described(name: str) -> None:
    """In a phrase without a full stop, with types of JSON."""
    method = method_named(name)
    _, rows = one(name)
    listed = {row["field"] for row in rows}
    assert listed == {*method.fields, *method.shared_fields, *(["r"] if method.rank is not None else [])}
    for row in rows:
        meaning = str(row["meaning"])
        assert 10 < len(meaning) <= LONGEST, row
        assert meaning[0].isupper(), row
        assert not meaning.endswith((".", ":")), row
        # A narrow column breaks it after a dot.
        assert "e.g." not in meaning, row
        assert set(str(row["type"]).split(" or ")) <= set(TYPES.values()), row


@pytest.mark.parametrize("name", METHODS)
def test_only_fields_of_the_config_are_described(name: str) -> None:
    """Nothing that the method fills in itself, and nothing as what several methods share has it."""
    settings = method_named(name).settings
    read = {own.name for own in fields(settings) if READER in own.metadata}
    for kind in settings.__mro__[:-1]:
        for field, said in annotated(kind):
            assert field in read or field not in {own.name for own in fields(settings)}, field
            assert isinstance(said, str | Written), field
            assert field not in SHARED or said != SHARED[field].meaning, field


def test_what_is_shared_is_a_field_of_several_methods() -> None:
    """So that a phrase of one method stands in its file."""
    for field in SHARED:
        users = [name for name in METHODS if field in {row["field"] for row in one(name)[1]}]
        assert len(users) > 1, field


def test_a_field_says_what_it_can_be() -> None:
    """Few choices follow the phrase; a field that is read as something else says how PEFT's config has it."""
    road = descriptions(method_named("road").settings)["variant"]
    assert road.meaning.endswith(": road_1, road_2 or road_4")
    lora = descriptions(method_named("lora").settings)
    assert (lora["qalora_group_size"].type, lora["qalora_group_size"].default) == ("integer", 16)
    assert (lora["init_lora_weights"].type, lora["kasa_config"].type) == ("boolean or text", "object")
    adalora = descriptions(method_named("adalora").settings)
    assert (adalora["arrow_config"].meaning, adalora["arrow_config"].type) == (lora["arrow_config"].meaning, "object")
    assert "ranks that are left" in adalora["lora_alpha"].meaning
