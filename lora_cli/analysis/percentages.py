"""The percentages of a cost: the formulas stand once, for one matrix and for a model."""

from __future__ import annotations


class Figures:
    """What follows from full, trainable and all parameters, which a subclass has."""

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
        return 100 * self.trainable_params / self.full_params

    @property
    def percent_saved(self) -> float:
        """100 − percent_of_full, rounded once; negative where the adapter is larger than what it adapts."""
        return 100 * (self.full_params - self.trainable_params) / self.full_params

    @property
    def reduction_factor(self) -> float | None:
        """full_params / trainable_params."""
        return self.full_params / self.trainable_params

    @property
    def trainable_percent(self) -> float:
        """100 · trainable_params / all_params, PEFT's own percentage."""
        return 100 * self.trainable_params / self.all_params
