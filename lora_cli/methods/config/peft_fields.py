"""An adapter_config.json's fields, read as what PEFT's AdapterConfig needs them to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lora_cli.errors import InvalidInput
from lora_cli.models.config import MAX_SIZE, Config

Names = tuple[str, ...]
# Where PEFT takes one name as it takes a list of one.
TEXT_OR_LIST = ("layers_pattern",)
# The embedding of a model, whatever its name.
INPUT_EMBEDDINGS = ""


def not_null(config: Config, *names: str) -> None:
    """Refuse a null where PEFT knows no default but the one of a field that is missing."""
    for name in names:
        if name in config.fields and config.fields[name] is None:
            raise InvalidInput(f"{config.source}: {name} is null; give a value, or leave it out")


def names(config: Config, name: str) -> Names | None:
    """Return a list of names, or None where there is none."""
    value = config.fields.get(name)
    values = [value] if isinstance(value, str) and name in TEXT_OR_LIST else value
    if values is None:
        return None
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise config.wrong(name, "a list of names")
    return tuple(values)


def names_or_text(config: Config, name: str) -> Names | str | None:
    """Return a list of names, a text that is a regular expression, or None where there is none."""
    value = config.fields.get(name)
    return value if isinstance(value, str) else names(config, name)


def numbers(config: Config, name: str) -> tuple[int, ...]:
    """Return a list of whole numbers, also of one that stands alone."""
    value: Any = config.fields[name]
    values = value if isinstance(value, list) else [value]
    if not all(type(item) is int for item in values):
        raise config.wrong(name, "a list of whole numbers")
    return tuple(values)


def ranks(config: Config, name: str) -> dict[str, int]:
    """Return the ranks of patterns."""
    patterns = config.section(name)
    return {pattern: patterns.needed(pattern) for pattern in patterns.fields}


def scales(config: Config, name: str) -> dict[str, float]:
    """Return the alphas of patterns."""
    patterns = config.section(name)
    not_null(patterns, *patterns.fields)
    return {pattern: patterns.real(pattern, default=0.0) for pattern in patterns.fields}


def tokens(config: Config) -> dict[str, tuple[int, ...]] | None:
    """Return which rows of which embedding are trained; PEFT trains a row that is named twice twice."""
    value = config.fields.get("trainable_token_indices")
    if value is None:
        return None
    named = value if isinstance(value, dict) else {INPUT_EMBEDDINGS: value}
    inner = Config(named, f"{config.source}: trainable_token_indices")
    return {name: numbers(inner, name) for name in named}


def ranges(config: Config, name: str) -> tuple[tuple[int, int], ...]:
    """Return a list of ranges, each a first number and the one behind the last."""
    value: Any = config.fields.get(name) or []

    def pair(item: Any) -> bool:
        return isinstance(item, list) and len(item) == 2 and all(type(number) is int for number in item)

    if not isinstance(value, list) or not all(map(pair, value)):
        raise config.wrong(name, "a list of pairs of whole numbers, such as [[0, 4], [2, 5]]")
    return tuple((start, end) for start, end in value)


def start(config: Config) -> bool | str | None:
    """Return `init_lora_weights`: true, false or null, or the name of a way to start."""
    value = config.fields.get("init_lora_weights", True)
    if value is not None and not isinstance(value, bool | str):
        raise config.wrong("init_lora_weights", "true, false or a name")
    return value


def loftq(config: Config) -> Mapping[str, Any]:
    """Return `loftq_config`, which PEFT reads only where adapters start with LoftQ."""
    return config.section("loftq_config").fields if config.fields.get("init_lora_weights") == "loftq" else {}


def velora_groups(config: Config) -> int | None:
    """Return the groups of inputs of VeLoRA, or None where it is off."""
    if config.fields.get("velora_config") is None:
        return None
    return config.section("velora_config").size("num_groups", default=64)


def check_variants(config: Config) -> None:
    """Refuse what PEFT's own classes for the variants refuse."""
    for name in ("corda_config", "lora_ga_config"):
        config.section(name)
    eva = config.section("eva_config")
    if eva.real("rho", default=2.0) < 1.0:
        raise eva.wrong("rho", "1 or more")
    if not 0.0 <= eva.real("tau", default=0.99) <= 1.0:
        raise eva.wrong("tau", "from 0 to 1")
    velora = config.section("velora_config")
    if velora.real("scale", default=1.0) <= 0:
        raise velora.wrong("scale", f"over 0 and at most {MAX_SIZE}")
    kinds = ("batch_average_once", "batch_average", "random")
    if velora.text("init_type", default=kinds[0]) not in kinds:
        raise velora.wrong("init_type", f"one of: {', '.join(kinds)}")
