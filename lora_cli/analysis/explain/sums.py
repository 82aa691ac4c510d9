"""What a config trains, summed by the names and the layers of its targets, so that other targets follow by arithmetic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from lora_cli.analysis.count.model_count import ModelCount, counted_params, trained_params
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.targeting.name_matching import ANY_LIST
from lora_cli.methods.tensor import Tensor
from lora_cli.models.nodes import short_name
from lora_cli.time_limit import TookTooLong


class Sum(NamedTuple):
    """Parameters that are trained and that are frozen but counted, what a step of the knob adds to either, and biases of the base."""

    trained: int = 0
    trained_slope: int = 0
    frozen: int = 0
    frozen_slope: int = 0
    biases: int = 0

    def plus(self, other: Sum, sign: int = 1) -> Sum:
        """Return both together, or with a `sign` of -1 the one without the other."""
        return Sum(
            self.trained + sign * other.trained,
            self.trained_slope + sign * other.trained_slope,
            self.frozen + sign * other.frozen,
            self.frozen_slope + sign * other.frozen_slope,
            self.biases + sign * other.biases,
        )


NOTHING = Sum()
# The layers of a leaf by their numbers, None for what is in no layer.
Layers = Mapping[int | None, Sum]


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of the targets by the last part of their names, layer by layer, and of what is there once for all.

    They are at the size `size` of the method's knob; `is_linear` says whether other sizes follow from the slopes.
    """

    leaves: Mapping[str, Layers]
    totals: Mapping[str, Sum]
    shared: Sum
    size: int
    is_linear: bool

    def total(self, leaves: Iterable[str]) -> Sum:
        """Return the sum of some leaves."""
        whole = self.shared
        for leaf in leaves:
            whole = whole.plus(self.totals.get(leaf, NOTHING))
        return whole

    def by_layer(self, leaves: Iterable[str]) -> dict[int, Sum]:
        """Return the sum of some leaves in each layer, from the first on; empty where one is in no layer."""
        layers: dict[int, Sum] = {}
        for leaf in leaves:
            for layer, each in self.leaves.get(leaf, {}).items():
                if layer is None:
                    return {}
                layers[layer] = layers.get(layer, NOTHING).plus(each)
        return dict(sorted(layers.items()))


def sums_of(cost: ModelCount, doubled: AdapterConfig | None, size: int) -> Sums:
    """Return the sums of a count, whose method's knob is at `size`; `doubled` is its config with twice that, where there is one."""
    other = None if doubled is None else _at(cost, doubled)
    after = cost if other is None else other
    numbered, slopes = re.compile(ANY_LIST), _Slopes(size)
    leaves: dict[str, dict[int | None, Sum]] = {}
    for (place, tensors), (_, more) in zip(cost.added, after.added, strict=True):
        name = place.module.name
        layer = numbered.match(f"{name}.")
        biases = place.module.h if place.module.bias and not place.parameter else 0
        each = slopes.of(tensors, more)._replace(biases=biases)
        layers = leaves.setdefault(short_name(name.removesuffix(".weight")), {})
        number = None if layer is None else int(layer["idx"])
        layers[number] = layers.get(number, NOTHING).plus(each)
    totals = {leaf: reduce(Sum.plus, layers.values()) for leaf, layers in leaves.items()}
    shared = slopes.of((*cost.shared, *cost.prompts), (*after.shared, *after.prompts))
    return Sums(leaves, totals, shared, size, is_linear=other is not None and slopes.are_whole)


def _at(cost: ModelCount, config: AdapterConfig) -> ModelCount | None:
    try:
        return cost.at(cost.plan.resized(config))
    except TookTooLong:
        raise
    except InvalidInput:
        return None


class _Slopes:
    """What each place adds, and what it adds for each step of the knob; places of one shape have the same tensors."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.are_whole = True
        self._known: dict[int, Sum] = {}

    def of(self, tensors: Sequence[Tensor], more: Sequence[Tensor]) -> Sum:
        """Return the sum of tensors at the size, given those at twice the size."""
        if id(tensors) not in self._known:
            trained, frozen = _params(tensors)
            steps = [
                divmod(twice - once, self.size) for once, twice in zip((trained, frozen), _params(more), strict=True)
            ]
            self.are_whole &= not any(rest for _, rest in steps)
            self._known[id(tensors)] = Sum(trained, steps[0][0], frozen, steps[1][0])
        return self._known[id(tensors)]


def _params(tensors: Sequence[Tensor]) -> tuple[int, int]:
    """Return the parameters that are trained, and those that are only counted."""
    trained = trained_params(tensors)
    return trained, counted_params(tensors) - trained
