"""What the methods with shared or random bases have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import mapping, not_null, setting
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import Adapted
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.patterns import ending_pattern
from lora_cli.models.config import MAX_SIZE, Config

# What torch's generators accept; a negative seed counts down from 2⁶⁴.
LEAST_SEED, MOST_SEED = -(2**63), 2**64 - 1


@dataclass(frozen=True, slots=True)
class BasesSettings:
    """The settings of a method whose modules share bases, which are as large as the largest inputs d and outputs h."""

    d: int = 0
    h: int = 0


B = TypeVar("B", bound=BasesSettings)


def with_largest_sides(targets: Adapted, own: B, config: AdapterConfig) -> B:
    """Add the most inputs and the most outputs of what shares the bases; they may belong to two modules."""
    return replace(
        own, d=max(module.d for module in targets.shared_modules), h=max(module.h for module in targets.shared_modules)
    )


def seed(default: int) -> int:
    """Declare a seed of a torch generator."""
    return setting(lambda config, name: config.number(name, default=default, least=LEAST_SEED, most=MOST_SEED), default)


def sizes_by_pattern() -> Mapping[str, int]:
    """Declare the sizes of modules by pattern."""
    return mapping(_sizes)


def _sizes(config: Config, name: str) -> Mapping[str, int]:
    not_null(config, name)
    patterns = config.section(name)
    return {pattern: patterns.needed(pattern) for pattern in patterns.fields}


def size_of(place: Place, patterns: Mapping[str, int], default: int) -> int:
    """Return the size of a place by FourierFT's and C3A's rule: a pattern after a dot, else the whole name.

    >>> from lora_cli.models.nodes import Module
    >>> place = Place(Module("mlp.W", 6, 8), 0)
    >>> size_of(place, {"mlp": 1, "W": 2}, 3), size_of(place, {"mlp.W": 1}, 3), size_of(place, {"lp.W": 1}, 3)
    (2, 1, 3)
    """
    name = place.module.name
    matched = next((size for key, size in patterns.items() if ending_pattern(key).match(name)), None)
    return patterns.get(name, default) if matched is None else matched


def check_frequencies(place: Place, n: int) -> None:
    """Refuse more frequencies than the weight has values."""
    most = place.module.weight_params
    if n > most:
        raise InvalidInput(
            f"n_frequency is {n}, but the weight of {quote_long(place.module.name)} has only {most} values; "
            f"give {most} or less"
        )


def frequencies(places: Sequence[Place], _: object) -> Runs:
    """Return the numbers of frequencies up to the values of the largest weight; smaller weights refuse some."""
    return (range(1, min(MAX_SIZE, max(place.module.weight_params for place in places)) + 1),)
