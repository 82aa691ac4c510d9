"""The registry: every file of the catalogue is a method, and declares itself completely."""

from __future__ import annotations

import os
import re

import pytest

from lora_cli import count
from lora_cli.errors import InvalidInput
from lora_cli.methods import METHODS, method_named
from lora_cli.methods.config.adapter_config import EVERYWHERE
from lora_cli.methods.config.arguments import unknown_field
from lora_cli.methods.registry import CATALOGUE, FAMILIES, home, methods_of
from lora_cli.methods.variants import RECIPES, VARIANTS


def test_every_folder_of_the_catalogue_is_a_family() -> None:
    """A new folder must be listed, because the order of families is declared."""
    folders = {entry.name for entry in os.scandir(CATALOGUE) if entry.is_dir() and not entry.name.startswith("_")}
    assert folders == set(FAMILIES)


def test_no_two_families_have_a_method_of_one_name() -> None:
    """Names are unique, and methods are listed family by family."""
    assert len(set(METHODS)) == len(METHODS) == sum(len(methods_of(family)) for family in FAMILIES)
    assert METHODS[: len(methods_of(FAMILIES[0]))] == methods_of(FAMILIES[0])


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_named_like_its_file(name: str) -> None:
    """The file's name is PEFT's peft_type in lower case."""
    method = method_named(name)
    assert method.name == name
    assert home(name).endswith(f".{name}")


@pytest.mark.parametrize("name", METHODS)
def test_a_methods_fields_are_declared_once(name: str) -> None:
    """A field is either the method's own or shared, and the knob and alpha are among its fields."""
    method = method_named(name)
    own = method.fields.keys()
    assert not own & (method.shared_fields | EVERYWHERE)
    assert not (method.rank is not None and "r" in own)
    everything = own | method.shared_fields | ({"r"} if method.rank is not None else set())
    assert {method.knob, method.alpha, *method.never_null} - {None} <= everything


def test_plain_lora_lists_no_folder() -> None:
    """The most common question needs no catalogue."""
    methods_of.cache_clear()
    count(d=8, h=8, r=2)
    assert methods_of.cache_info().currsize == 0


@pytest.mark.parametrize("name", [*METHODS, *VARIANTS])
def test_a_misspelt_field_gets_its_near_miss(name: str) -> None:
    """Of each method, and of what it shares with others."""
    method = method_named(name)
    for field in (*method.fields, *method.shared_fields):
        message = str(unknown_field(name, f"{field}{field[-1]}"))
        assert re.search(rf"did you mean .*\b{field}\b", message), message


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_leads_to_the_method_that_it_trains(recipe: str) -> None:
    """A name that people know is not said to be unknown."""
    same, how, quantize = RECIPES[recipe]
    method_named(same)
    said = f"is {same} {how}, which trains the same parameters; give method {same}"
    memory = f", and for its memory quantize {quantize}" if quantize else ""
    with pytest.raises(InvalidInput, match=f"{said}{memory}$"):
        method_named(recipe)
