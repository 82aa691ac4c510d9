"""The sizes and layers at which targets train exactly what is printed: solved, not tried."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from lora_cli.analysis.explain.belief import LAYERS, TARGETS, Belief, Fields
from lora_cli.analysis.explain.changes import Clause
from lora_cli.analysis.explain.log_formats import FewLayers
from lora_cli.analysis.explain.printed_count import Figure
from lora_cli.analysis.explain.sums import Sum, Sums
from lora_cli.analysis.explain.target_choices import TargetChoice, knob_size
from lora_cli.methods.registry import method_named
from lora_cli.models.config import MAX_SIZE

# A rounded figure leaves a choice of sizes, of which no more are tried.
MOST_SOLUTIONS = 3
# Ranks that people choose, and those that most choose.
USUAL = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
COMMON = (8, 16, 32, 64)
LIKELY, USUAL_DISTANCE, RARE, ODD, STRANGE = 0, 1, 3, 5, 9


class SizeChange(NamedTuple):
    """A size of the method's knob, the layers that are adapted, and what is trained then, and frozen but counted."""

    fields: Fields
    causes: tuple[Clause, ...]
    kinds: tuple[str, ...]
    distance: int
    trained: int
    frozen: int


class Knob(NamedTuple):
    """The method's knob: its name, its size as believed, whether that was said, and the sizes that a mistake leads to."""

    name: str
    size: int
    is_stated: bool
    mistakes: dict[int, str]

    def _distance(self, size: int) -> int:
        if size in COMMON:
            return USUAL_DISTANCE
        return RARE if size in USUAL else ODD if size % 8 == 0 else STRANGE

    def change(self, size: int) -> tuple[Fields, tuple[Clause, ...], int]:
        """Return the fields that set a size, the clause that says it, and how unlikely it is."""
        if size == self.size:
            return {}, (() if self.is_stated else (Clause(f"{self.name} is {size}", is_fact=True),)), LIKELY
        distance = self._distance(size)
        if not self.is_stated:
            return {self.name: size}, (Clause(f"{self.name} is {size}", is_fact=True),), distance
        if size in self.mistakes:
            return {self.name: size}, (Clause(f"{self.name} is {size}, {self.mistakes[size]}"),), LIKELY
        return {self.name: size}, (Clause(f"{self.name} is {size}, not {self.size}"),), distance


def read_knob(belief: Belief, changed: Fields) -> Knob | None:
    """Return the knob of a config with some other fields, or None where no whole number sets its size."""
    config, fields = belief.config_or_none(changed), belief.with_fields(changed)
    if config is None:
        return None
    method, size = method_named(config.method), knob_size(config)
    if size is None or method.knob is None:
        return None
    alpha = fields.get(method.alpha or "")
    default = method.rank if method.knob == "r" else method.fields.get(method.knob)
    mistakes = {2 * size: f"twice {size}"}
    if size % 2 == 0:
        mistakes[size // 2] = f"half of {size}"
    if isinstance(default, int):
        mistakes[default] = f"PEFT's default, not {size}"
    if isinstance(alpha, int | float) and alpha >= 1 and alpha == int(alpha):
        mistakes[int(alpha)] = f"the alpha, not {size}"
    return Knob(method.knob, size, method.knob in fields, mistakes)


def size_changes(
    choice: TargetChoice,
    whole: Sum,
    leaves: frozenset[str],
    knob: Knob | None,
    trained: Figure,
    most: int,
    few: FewLayers,
    *,
    with_odd: bool,
) -> Iterator[SizeChange]:
    """Yield each size, and number of layers, at which `leaves` train a figure, with at most so many changes.

    `whole` is the sum of these leaves.
    """
    sums = choice.sums
    can_vary = knob is not None and sums.is_linear
    if trained.has(whole.trained):
        causes: tuple[Clause, ...] = () if knob is None else knob.change(knob.size)[1]
        yield SizeChange({}, causes, (), LIKELY, whole.trained, whole.frozen)
    cost = int(knob is not None and knob.is_stated)
    if can_vary and knob is not None and cost <= most:
        for size in _solutions(whole, sums.size, trained):
            fields, causes, distance = knob.change(size)
            if size != sums.size and (with_odd or distance < ODD):
                yield _at_size(whole, sums.size, size, fields, causes, ("size",) * cost, distance)
    if (most >= 1 or few.default is not None) and choice.usual:
        target = choice.change.fields.get(TARGETS)
        yield from _in_layers(sums, leaves, knob if can_vary else None, trained, most, few, target)


def _at_size(
    whole: Sum,
    before: int,
    size: int,
    fields: Fields,
    causes: tuple[Clause, ...],
    kinds: tuple[str, ...],
    distance: int,
) -> SizeChange:
    steps = size - before
    trained, frozen = whole.trained + steps * whole.trained_slope, whole.frozen + steps * whole.frozen_slope
    return SizeChange(fields, causes, kinds, distance, trained, frozen)


def _solutions(whole: Sum, size: int, trained: Figure) -> Iterator[int]:
    """Yield the sizes at which so much is trained."""
    if whole.trained_slope <= 0:
        return
    least = -((whole.trained - trained.low) // whole.trained_slope)
    most = (trained.high - whole.trained) // whole.trained_slope
    for steps in range(least, min(most, least + MOST_SOLUTIONS - 1) + 1):
        if 1 <= size + steps <= MAX_SIZE:
            yield size + steps


def _in_layers(
    sums: Sums,
    leaves: frozenset[str],
    knob: Knob | None,
    trained: Figure,
    most: int,
    few: FewLayers,
    target: object,
) -> Iterator[SizeChange]:
    """Yield the layers, at an end, that train so much. As many as programs adapt of themselves are not a change."""
    layers = sums.by_layer(leaves)
    sizes = dict.fromkeys([sums.size])
    if knob is not None:
        sizes |= dict.fromkeys((*knob.mistakes, *USUAL))
    # PEFT takes layers only with a list of names.
    names = {} if isinstance(target, list) else {TARGETS: sorted(leaves)}
    for kept, said, part in _cuts(layers, sums.shared, few.ends):
        is_default = len(kept) == few.default
        of_layers = () if is_default else ("layers",)
        whose = f", {few.source}" if is_default else ""
        for size in sizes:
            if not trained.has(part.trained + (size - sums.size) * part.trained_slope):
                continue
            fields, causes, distance = ({}, (), LIKELY) if knob is None else knob.change(size)
            kinds = (*of_layers, *(["size"] if size != sums.size and knob is not None and knob.is_stated else []))
            if len(kinds) > most:
                continue
            clause = Clause(f"only the {said} of {len(layers)} layers are adapted{whose}", is_fact=is_default)
            chosen = {**names, **fields, LAYERS: kept}
            yield _at_size(part, sums.size, size, chosen, (clause, *causes), kinds, distance)


def _cuts(layers: Mapping[int, Sum], shared: Sum, ends: Collection[str]) -> Iterator[tuple[list[int], str, Sum]]:
    """Yield some layers at each of the ends, what to say of them, and their sum.

    >>> [(kept, said, each.trained) for kept, said, each in _cuts({0: Sum(1), 1: Sum(2), 2: Sum(4)}, Sum(), ("first", "last"))]
    [([0], 'first 1', 1), ([0, 1], 'first 2', 3), ([2], 'last 1', 4), ([1, 2], 'last 2', 6)]
    """
    numbers = list(layers)
    for said in ends:
        order, total = numbers if said == "first" else numbers[::-1], shared
        for number, layer in enumerate(order[:-1], 1):
            total = total.plus(layers[layer])
            yield sorted(order[:number]), f"{said} {number}", total
