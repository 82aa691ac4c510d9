"""What the methods around shared or random bases have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config import peft_fields as config_fields
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import Reader, Settings, real
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.models.config import MAX_SIZE, Config

# What torch's generators take; a negative one counts from 2⁶⁴ down.
LEAST_SEED, MOST_SEED = -(2**63), 2**64 - 1

probability = real(0.0, least=0, most=1)


def seed(default: int) -> Reader:
    """Read a seed of a generator of torch's."""

    def read(config: Config, name: str) -> int:
        return config.number(name, default=default, least=LEAST_SEED, most=MOST_SEED)

    return read


def sizes(config: Config, name: str) -> Mapping[str, int]:
    """Read the sizes of patterns."""
    config_fields.not_null(config, name)
    return config_fields.ranks(config, name)


def sized(place: Place, patterns: Mapping[str, int], default: int) -> int:
    """Return the size of a place by FourierFT's and C3A's rule: the first pattern behind a dot, or the whole name.

    >>> from lora_cli.models import Module
    >>> place = Place(Module("mlp.W", 6, 8), 0)
    >>> sized(place, {"mlp": 1, "W": 2}, 3), sized(place, {"mlp.W": 1}, 3), sized(place, {"lp.W": 1}, 3)
    (2, 1, 3)
    """
    name = place.module.name
    found = next((size for key, size in patterns.items() if compiled(rf".*\.{key}$").match(name)), None)
    return patterns.get(name, default) if found is None else found


def with_largest(targets: Any, config: Any) -> Settings:
    """Add the most inputs and the most outputs, d and h, of what shares the bases, not always one module's."""
    own: Settings = config.settings
    found = targets.sharing
    return own.replaced(d=max(module.d for module in found), h=max(module.h for module in found))


def check_frequencies(place: Place, n: int) -> None:
    """Refuse more frequencies than the weight has values."""
    most = place.module.weight_params
    if n > most:
        raise InvalidInput(
            f"n_frequency is {n} for {quote_long(place.module.name)}, whose weight has {most} values; give {most} or less"
        )


def frequencies(places: Sequence[Place], own: Settings) -> Runs:
    """Return the numbers of frequencies up to the values of the largest weight; the smaller ones refuse some."""
    return (range(1, min(MAX_SIZE, max(place.module.weight_params for place in places)) + 1),)


def check_divides(field: str, size: int, place: Place) -> None:
    """Refuse a size that does not divide the inputs and the outputs of a module, and offer the nearest that do."""
    from math import gcd

    d, h = place.module.d, place.module.h
    if d % size == 0 and h % size == 0:
        return
    common = gcd(d, h)
    fitting = [divisor for divisor in range(1, common + 1) if common % divisor == 0]
    below = [divisor for divisor in fitting if divisor < size][-1:]
    above = [divisor for divisor in fitting if divisor > size][:1]
    raise InvalidInput(
        f"{field} is {quote(size)}, which does not divide the {d} inputs and {h} outputs of "
        f"{quote_long(place.module.name)}; {' or '.join(map(str, below + above))} would"
    )
