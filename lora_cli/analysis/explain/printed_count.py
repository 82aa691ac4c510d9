"""What a trainer prints of a count: figures in full, or rounded to a unit."""

from __future__ import annotations

import re
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote

# A number as programs print it: digits, with commas or without, perhaps decimals, and M for a million.
_NUMBER = re.compile(r"([0-9][0-9,]{0,29})(?:\.([0-9]{1,20}))?([KMB]?)")
_POWERS = {"": 0, "K": 3, "M": 6, "B": 9}
# No model has more parameters than this.
MOST = 10**18
# What trains as many parameters as there are.
FULL = "full fine-tuning, no adapter"


class Figure(NamedTuple):
    """The counts that are printed in the same way: from `low` to `high`, one where nothing is rounded."""

    low: int
    high: int

    @property
    def is_exact(self) -> bool:
        """Whether it is one count."""
        return self.low == self.high

    @property
    def middle(self) -> int:
        """The count, or the rounded one."""
        return (self.low + self.high) // 2

    def has(self, count: int) -> bool:
        """Whether a count is printed like this."""
        return self.low <= count <= self.high

    def meets(self, other: Figure) -> bool:
        """Whether one count is printed like both."""
        return self.low <= other.high and other.low <= self.high

    def times(self, factor: int) -> Figure:
        """Return the figure of what is so many times as much."""
        return Figure(self.low * factor, self.high * factor)

    def shifted(self, by: int) -> Figure:
        """Return the figure of what is so much more."""
        return Figure(self.low + by, self.high + by)

    def less(self, other: Figure) -> Figure:
        """Return the figure of what is left of it without another."""
        return Figure(self.low - other.high, self.high - other.low)


class PrintedCount(NamedTuple):
    """What a log line says: `all` and `percent` are None where it does not say them.

    `format` names who prints such lines. With `is_nominal`, a size in a model's name stood for `all`.
    """

    line: str
    format: str
    trainable: Figure
    all: Figure | None = None
    percent: str | None = None
    is_nominal: bool = False

    def check(self) -> None:
        """Refuse figures that no model has."""
        if self.trainable.high == 0:
            raise InvalidInput(
                f"{quote(self.line)} says that nothing is trained, so no rank or target explains it; PEFT freezes an "
                "adapter that it loads, unless is_trainable=True is given"
            )
        if self.all is not None and self.trainable.low > self.all.high:
            raise InvalidInput(
                f"{quote(self.line)} trains more parameters than there are; give the line as the trainer printed it"
            )

        if self.trainable == self.all:
            raise InvalidInput(
                f"{quote(self.line)} says that every weight is trained: {FULL}; give the line that is printed after "
                "PEFT's get_peft_model"
            )

    def contradiction(self) -> str | None:
        """Return a sentence where the percentage is not that of the two figures."""
        if self.percent is None or self.all is None or not self.all.is_exact or not self.trainable.is_exact:
            return None
        try:
            said = float(self.percent)
        except ValueError:
            said = float("nan")
        percent = 100 * self.trainable.low / self.all.low
        # Programs round or cut, to as many decimals as they print.
        step = 10.0 ** -len(self.percent.partition(".")[2])
        if abs(said - percent) <= step * (1 + 1e-9) + 1e-9:
            return None
        return (
            f"the line says {quote(self.percent)} percent, but its figures make {percent:.4f}; "
            "the two figures are explained, not the percentage"
        )


def is_figure(text: str) -> bool:
    """Whether a text is a number as programs print it, and nothing else."""
    return _NUMBER.fullmatch(text) is not None


def read_figure(text: str) -> Figure:
    """Return the counts that are printed as a text.

    >>> read_figure("41,943,040"), read_figure("79953920.0"), read_figure("41.943M")
    (Figure(low=41943040, high=41943040), Figure(low=79953920, high=79953920), Figure(low=41942500, high=41943500))
    >>> read_figure("-5")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: '-5' is not a count; give the line as the trainer printed it, e.g. with 41,943,040
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"{quote(text)} is not a count; give the line as the trainer printed it, e.g. with 41,943,040"
        )
    whole, decimals, unit = match[1].replace(",", ""), (match[2] or ""), match[3]
    # Python writes a count that it has halved with decimals, which are zeros.
    decimals = decimals if unit else decimals.rstrip("0")
    power = _POWERS[unit] - len(decimals)
    if power < 0:
        raise InvalidInput(f"{quote(text)} is not a whole number; give the line as the trainer printed it")
    step = 10**power
    count = int(whole + decimals) * step
    if count > MOST:
        raise InvalidInput(f"{quote(text)} is more than any model has; give a count of at most {MOST:,}")
    half = step // 2
    return Figure(max(count - half, 0), count + half)
