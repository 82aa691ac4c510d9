"""The limits that a check holds a count to, and that a fit stays inside. Each is declared here and nowhere else.

Options of the command line, keys of pyproject.toml and budgets follow from `LIMITS`. The keywords of `check` and `fit`
are spelled out for whoever reads them, and a test compares them with it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, SupportsFloat, SupportsIndex

from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.models.config import MAX_SIZE
from lora_cli.quantities import parse_bytes, parse_count, parse_memory, parse_percent, parse_whole, read, real_number

# A number, or a text as on the command line, e.g. "20M".
Amount = SupportsIndex | SupportsFloat | str
# The limits that are set, by name.
Limits = Mapping[str, int | float]


class Limit(NamedTuple):
    """A limit: the field of a count that it is on, when it holds, and how people write it.

    `missed` says how a value that breaks the limit relates to it. `parse` reads the limit's text, and `metavar` and
    `help` describe that text. A limit that `is_budget` can be given to `fit`, too. `words` name a field
    that no record has, and `unknown` says why a subject may
    have no value of the field.
    """

    name: str
    field: str
    holds: Callable[[float, float], bool]
    missed: str
    parse: Callable[[str], int | float]
    metavar: str
    help: str
    is_budget: bool = False
    words: str = ""
    unknown: str = "the size of the base model is not known; name the base model, or drop this limit"

    @property
    def figure(self) -> str:
        """What messages call the field, which is its name where records have it."""
        return self.words or self.field

    @property
    def rule(self) -> str:
        """The limit's name in records and in pyproject.toml, e.g. `max-params`."""
        return self.name.replace("_", "-")


LIMITS = {
    limit.name: limit
    for limit in (
        Limit(
            "max_percent",
            "percent_of_full",
            operator.le,
            "over",
            partial(parse_percent, least=0),
            "PERCENT",
            "Maximum share of full fine-tuning that is trained, in percent, e.g. 0.5.",
            is_budget=True,
        ),
        Limit(
            "max_params",
            "trainable_params",
            operator.le,
            "over",
            parse_count,
            "COUNT",
            "Maximum number of trained parameters, e.g. 131072, 200K or 20M.",
            is_budget=True,
        ),
        Limit(
            "min_saved",
            "percent_saved",
            operator.ge,
            "under",
            partial(parse_percent, most=100),
            "PERCENT",
            "Minimum share of full fine-tuning that is saved, in percent, e.g. 99.",
        ),
        Limit(
            "expect_params",
            "trainable_params",
            operator.eq,
            "different from",
            parse_count,
            "COUNT",
            "Exact number of trained parameters.",
        ),
        Limit(
            "max_bytes",
            "adapter_bytes",
            operator.le,
            "over",
            parse_bytes,
            "SIZE",
            "Maximum size of the adapter's file, e.g. 4096, 50MB or 50MiB.",
            is_budget=True,
            unknown="PEFT cannot write this file, or its size is not known; drop this limit",
        ),
        Limit(
            "max_rank",
            "max_rank",
            operator.le,
            "over",
            partial(parse_whole, minimum=1, maximum=MAX_SIZE),
            "RANK",
            "Maximum rank of any module, e.g. 64.",
            unknown="the method has no rank; drop this limit",
        ),
        Limit(
            "max_memory",
            "memory_bytes",
            operator.le,
            "over",
            parse_memory,
            "SIZE",
            "Maximum GPU memory of training it, e.g. 24GB or 24GiB; `lora-cli memory` tells more.",
            is_budget=True,
            words="training memory",
            unknown="that needs a model and how it is adapted; give a config before it is trained, or drop this limit",
        ),
    )
}
# The limit that only a training has, and the one that a server may have too.
MAX_MEMORY, MAX_RANK = "max_memory", "max_rank"
# The settings of a training that its memory grows with.
TRAINING_KNOBS = ("batch", "seq")
# The length where nothing sets it, or the model's longest input if that is shorter.
DEFAULT_SEQ = 2048
BUDGETS = {name: limit for name, limit in LIMITS.items() if limit.is_budget}


def card_size_note(name: str, size: int | float | None) -> Iterator[str]:
    """Yield that a card has more than an argument in GB says, which is sold as so many.

    >>> [*card_size_note("max_memory", 24 * 10**9)], [*card_size_note("max_memory", 24 * 2**30)]
    (['max_memory: 24GB is 24,000,000,000 bytes; a card that is sold as 24 GB has some 24GiB'], [])
    """
    if size is not None and size % 10**9 == 0:
        gigabytes = int(size) // 10**9
        yield f"{argument(name)}: {gigabytes}GB is {int(size):,} bytes; a card that is sold as {gigabytes} GB has some {gigabytes}GiB"


def read_limits(**limits: Amount | None) -> dict[str, int | float]:
    """Return the limits that are set, as plain numbers; one that is not a finite number raises `InvalidInput`.

    >>> read_limits(max_params=100_000, max_bytes="50MB", max_percent=None)
    {'max_params': 100000, 'max_bytes': 50000000}
    """
    return {name: _read(name, limit) for name, limit in limits.items() if limit is not None}


def _read(name: str, limit: Amount) -> int | float:
    if isinstance(limit, str):
        return read(name, limit, LIMITS[name].parse)
    number = real_number(limit)
    if number is None:
        raise InvalidInput(f"{argument(name)}: {quote(limit)} is not a limit; give a finite number")
    return number
