"""Readers of the fields of an adapter_config.json that several of PEFT's configs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.settings import not_null
from lora_cli.models.config import Config

T = TypeVar("T")

Names = tuple[str, ...]
# Where PEFT accepts one name instead of a list of one.
TEXT_OR_LIST = ("layers_pattern",)
# Stands for the input embeddings of a model, whatever they are called.
INPUT_EMBEDDINGS = ""


def names(config: Config, name: str) -> Names | None:
    """Return a list of names, or None where it is missing. Of an object its keys are the names, as in Python."""
    value = config.fields.get(name)
    values = ([value] if value else []) if isinstance(value, str) and name in TEXT_OR_LIST else value
    if values is None:
        return None
    if not isinstance(values, list | dict) or not all(isinstance(item, str) for item in values):
        raise config.wrong(name, "a list of names")
    return tuple(values)


def names_or_text(config: Config, name: str) -> Names | str | None:
    """Return a list of names, a text that is a regular expression, or None where it is missing."""
    value = config.fields.get(name)
    return value if isinstance(value, str) else names(config, name)


def numbers(config: Config, name: str) -> tuple[int, ...]:
    """Return a list of whole numbers; a single number counts as a list of one."""
    value: Any = config.fields[name]
    values = value if isinstance(value, list) else [value]
    if not all(type(item) is int for item in values):
        raise config.wrong(name, "a list of whole numbers")
    return tuple(values)


def layers(config: Config, name: str) -> tuple[int, ...]:
    """Return a list of the numbers of layers, among which true and 1.0 are 1, as in Python."""
    value: Any = config.fields[name]
    if isinstance(value, float):
        raise config.wrong(name, "a whole number, or a list of them")
    values = value if isinstance(value, list) else [value]
    equal = [
        int(item) if isinstance(item, bool) or (isinstance(item, float) and item.is_integer()) else item
        for item in values
    ]
    return numbers(Config({name: equal}, config.source), name)


def ranks(config: Config, name: str) -> dict[str, int | InvalidInput]:
    """Return the rank of each pattern."""
    return _by_pattern(config.section(name), Config.needed)


def scales(config: Config, name: str) -> dict[str, float | InvalidInput]:
    """Return the alpha of each pattern."""
    return _by_pattern(config.section(name), _scale)


def _scale(patterns: Config, pattern: str) -> float:
    not_null(patterns, pattern)
    return patterns.real(pattern, default=0.0)


def _by_pattern(patterns: Config, read: Callable[[Config, str], T]) -> dict[str, T | InvalidInput]:
    """Return the value of each pattern. A wrong one is its error, to be raised where the pattern matches: PEFT reads no other."""
    values: dict[str, T | InvalidInput] = {}
    for pattern in patterns.fields:
        try:
            values[pattern] = read(patterns, pattern)
        except InvalidInput as error:
            values[pattern] = error
    return values


def tokens(config: Config, name: str) -> dict[str, tuple[int, ...]] | None:
    """Return which rows of which embedding are trained; a row that is listed twice is trained twice."""
    value = config.fields.get(name)
    if value is None:
        return None
    rows = value if isinstance(value, dict) else {INPUT_EMBEDDINGS: value}
    inner = Config(rows, f"{config.source}: {name}")
    return {embedding: numbers(inner, embedding) for embedding in rows}


def ranges(config: Config, name: str) -> tuple[tuple[int, int], ...]:
    """Return a list of ranges, each a first number and the number after the last."""
    value: Any = config.fields.get(name) or []

    def is_pair(item: Any) -> bool:
        return isinstance(item, list) and len(item) == 2 and all(isinstance(number, int) for number in item)

    if not isinstance(value, list) or not all(map(is_pair, value)):
        raise config.wrong(name, "a list of pairs of whole numbers, e.g. [[0, 4], [2, 5]]")
    return tuple((int(start), int(end)) for start, end in value)
