"""Fields of a config.json: what is missing takes the default, what is wrong is named with its limit."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.config import MAX_LAYERS, MAX_SIZE, Config

NO_SIZES = [-1, 0, 1.5, 64.0, "64", True, False, [], {}, [64], MAX_SIZE + 1, 10**4000, float("nan"), float("inf")]


@pytest.mark.parametrize("fields", [{}, {"hidden_size": None}, {"other": 1}])
def test_what_is_missing_or_null_takes_the_default(fields: dict[str, Any]) -> None:
    """The defaults are those of transformers."""
    config = Config(fields)
    assert config.size("hidden_size", default=768) == 768
    assert config.flag("hidden_size", default=True) is True
    assert config.text("hidden_size", default="x") == "x"
    assert config.real("hidden_size", default=0.5) == 0.5
    assert config.items("hidden_size") is None
    assert config.section("hidden_size").fields == {}


def test_of_several_names_the_first_that_is_there_counts() -> None:
    """A null one is not there."""
    assert Config({"n_embd": 2, "hidden_size": 3}).size("hidden_size", "n_embd", default=1) == 3
    assert Config({"n_embd": 2, "hidden_size": None}).size("hidden_size", "n_embd", default=1) == 2


@pytest.mark.parametrize("value", NO_SIZES, ids=lambda value: repr(value)[:20] if type(value) is not int else None)
def test_what_is_no_size_is_refused_by_name(value: object) -> None:
    """The sentence has the source, the field as it was written, and the limit; however long the value is."""
    with pytest.raises(
        InvalidInput, match=r"^here: n_embd is .*; it must be a whole number from 1 to 2147483647$"
    ) as no:
        Config({"n_embd": value}, "here").size("hidden_size", "n_embd", default=1)
    assert len(str(no.value)) < 200


def test_the_limits_are_inside() -> None:
    """The largest size, the largest number of layers, and 0 layers."""
    config = Config({"a": MAX_SIZE, "b": MAX_LAYERS, "c": 0})
    assert (config.size("a", default=1), config.layers("b", default=1)) == (MAX_SIZE, MAX_LAYERS)
    assert config.layers("c", default=1) == 0


@pytest.mark.parametrize("value", [0, 1, "true", [], 0.0])
def test_a_flag_is_true_or_false(value: object) -> None:
    """A number or a text is neither."""
    with pytest.raises(InvalidInput, match=r"bias is .*; it must be true or false"):
        Config({"bias": value}).flag("bias", default=False)


@pytest.mark.parametrize("value", [True, "0.5", [], float("nan"), float("inf"), -float("inf"), 10**400])
def test_a_real_number_is_finite(value: object) -> None:
    """Infinity and numbers beyond floats are refused."""
    with pytest.raises(InvalidInput, match=r"ratio is .*; it must be a number from -2147483647 to 2147483647"):
        Config({"ratio": value}).real("ratio", default=0.5)


@pytest.mark.parametrize("value", [3, True, [], {}])
def test_a_text_is_a_text(value: object) -> None:
    """Nothing is turned into one."""
    with pytest.raises(InvalidInput, match=r"kind is .*; it must be a string"):
        Config({"kind": value}).text("kind", default="")


@pytest.mark.parametrize("value", ["ab", 3, {}, True])
def test_a_list_is_a_list(value: object) -> None:
    """A text is not a list of its letters."""
    with pytest.raises(InvalidInput, match=r"items is .*; it must be a list"):
        Config({"items": value}).items("items")


@pytest.mark.parametrize("value", ["ab", 3, [], True])
def test_a_section_is_an_object(value: object) -> None:
    """An empty list is not an object either."""
    with pytest.raises(InvalidInput, match=r"part is .*; it must be an object"):
        Config({"part": value}).section("part")


def test_a_section_says_where_it_is() -> None:
    """Its own errors begin with the way to it."""
    section = Config({"text_config": {"width": 0}}, "config.json").section("text_config")
    with pytest.raises(InvalidInput, match=r"^config\.json: text_config: width is 0; "):
        section.size("width", default=1)


@pytest.mark.parametrize("parts", [0, -1, 5, 100])
def test_what_does_not_divide_is_refused(parts: int) -> None:
    """Both sides are named with their values."""
    with pytest.raises(InvalidInput, match=f"hidden_size 64 is not divisible by heads {parts}$"):
        Config({}).share(64, "hidden_size", parts, "heads")


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        ({}, 2),
        ({"num_labels": 5}, 5),
        ({"id2label": {"0": "a", "1": "b", "2": "c"}}, 3),
        ({"num_labels": 5, "id2label": {"0": "a"}}, 5),
        ({"num_labels": 0}, 0),
        ({"id2label": None}, 2),
    ],
)
def test_labels_are_counted_or_named(fields: dict[str, Any], labels: int) -> None:
    """num_labels wins over id2label, and there are two where neither is given."""
    assert Config(fields).labels() == labels
