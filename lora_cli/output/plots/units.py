"""The units of a plot's axes: parameters, bytes of files and of memory, percents and plain numbers."""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.output.people import FILES
from lora_cli.quantities import number_text

# A number beside a bar or a line has as many digits.
DIGITS = 3


class Step(NamedTuple):
    """A multiple of a unit: its size, what a number has behind it, and what an axis in it is labelled with."""

    size: float
    suffix: str
    word: str


class Unit(NamedTuple):
    """A unit and its multiples, the smallest first. On a logarithmic axis it is divided by powers of `base`."""

    steps: tuple[Step, ...]
    base: int = 10
    is_whole: bool = False

    def step(self, value: float) -> Step:
        """Return the largest multiple that a value has at least one of.

        >>> PARAMETERS.step(20_000_000).word, MEMORY.step(2**35).word, FILE.step(0).word
        ('millions', 'GiB', 'B')
        """
        return next((step for step in reversed(self.steps) if abs(value) >= step.size), self.steps[0])

    def text(self, value: float) -> str:
        """Return a value for people.

        >>> PARAMETERS.text(20_000_000), FILE.text(52_400_000), MEMORY.text(24 * 2**30), PERCENT.text(0.52)
        ('20M', '52.4 MB', '24 GiB', '0.52 %')
        """
        step = self.step(value)
        return f"{number_text(value / step.size, DIGITS)}{step.suffix}"


def _bytes(factor: int, words: str) -> tuple[Step, ...]:
    return tuple(Step(factor**power, f" {word}", word) for power, word in enumerate(words.split()))


_WORDS = {"": "", "K": "thousands", "M": "millions", "B": "billions", "T": "trillions"}
PARAMETERS = Unit(
    tuple(Step(1000**power, letter, word) for power, (letter, word) in enumerate(_WORDS.items())), is_whole=True
)
# Files are sold and budgeted in powers of 1000, memory in powers of 1024: a card of 24 GiB has a round number.
FILE = Unit(_bytes(1000, "B kB MB GB TB PB"), is_whole=True)
MEMORY = Unit(_bytes(1024, "B KiB MiB GiB TiB PiB"), base=2, is_whole=True)
PERCENT = Unit((Step(1, " %", "%"),))
WHOLE = Unit((Step(1, "", ""),), is_whole=True)


def unit_of(field: str) -> Unit:
    """Return the unit of a record's field, which its name tells.

    >>> unit_of("adapter_bytes") == FILE, unit_of("peak_bytes") == MEMORY, unit_of("percent_of_full") == PERCENT
    (True, True, True)
    """
    if field.endswith("_bytes"):
        return FILE if field in FILES else MEMORY
    if field.endswith("_params"):
        return PARAMETERS
    return PERCENT if field.startswith("percent") else WHOLE
