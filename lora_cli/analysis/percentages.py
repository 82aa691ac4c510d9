"""Percentages and ratios of parameters: each formula is written once, for one count, a model and a whole grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

# The figures that every count has, in the order in which they are shown.
FIGURES = (
    "full_params",
    "trainable_params",
    "all_params",
    "percent_of_full",
    "percent_saved",
    "reduction_factor",
    "trainable_percent",
)


@overload
def percent(part: int, whole: int) -> float: ...
@overload
def percent(part: Integers, whole: Integers) -> Floats: ...
def percent(part: int | Integers, whole: int | Integers) -> float | Floats:
    """Return 100 · part / whole, rounded once.

    >>> percent(28, 48)
    58.333333333333336
    """
    return 100 * part / whole


@overload
def ratio(whole: int, part: int) -> float: ...
@overload
def ratio(whole: Integers, part: Integers) -> Floats: ...
def ratio(whole: int | Integers, part: int | Integers) -> float | Floats:
    """Return whole / part."""
    return whole / part


class Percentages:
    """The `FIGURES` of a count, as far as they follow from its full, trainable and all parameters."""

    __slots__ = ()

    @property
    def full_params(self) -> int:
        """What full fine-tuning would train."""
        raise NotImplementedError

    @property
    def trainable_params(self) -> int:
        """What the method trains, PEFT's `get_nb_trainable_parameters()[0]`."""
        raise NotImplementedError

    @property
    def all_params(self) -> int:
        """Base and adapter together, PEFT's `get_nb_trainable_parameters()[1]`."""
        raise NotImplementedError

    @property
    def percent_of_full(self) -> float:
        """100 · trainable_params / full_params."""
        return percent(self.trainable_params, self.full_params)

    @property
    def percent_saved(self) -> float:
        """100 − percent_of_full, rounded once; negative where the adapter is larger than what it adapts."""
        return percent(self.full_params - self.trainable_params, self.full_params)

    @property
    def reduction_factor(self) -> float | None:
        """full_params / trainable_params, or None where nothing is trained."""
        return ratio(self.full_params, self.trainable_params) if self.trainable_params else None

    @property
    def trainable_percent(self) -> float:
        """100 · trainable_params / all_params, PEFT's own percentage."""
        return percent(self.trainable_params, self.all_params)
