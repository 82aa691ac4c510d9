"""The configurations that differ from a belief in a few changes and train exactly what is printed, by arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import NamedTuple

from lora_cli.analysis.explain.belief import BIAS, LAYERS, SAVED, TARGETS, Belief, Fields
from lora_cli.analysis.explain.changes import BIASES_TRAINED, COPIES, SETUPS, UNCHANGED, Change, Clause, Kind
from lora_cli.analysis.explain.log_formats import ANY_LAYERS, FewLayers
from lora_cli.analysis.explain.printed_count import Figure
from lora_cli.analysis.explain.sizes import Knob, read_knob, size_changes
from lora_cli.analysis.explain.sums import NOTHING, Sum
from lora_cli.analysis.explain.target_choices import TargetChoice, target_choices
from lora_cli.models.model import Model
from lora_cli.models.nodes import short_name


class Candidate(NamedTuple):
    """A configuration: the fields that differ, the clauses that say so, the kinds of its changes, and how unlikely it is.

    `added` is what it adds to the base in the figure of all parameters.
    """

    fields: Fields
    causes: tuple[Clause, ...]
    kinds: tuple[str, ...]
    distance: int
    added: int = 0

    def with_change(self, kind: Kind, change: Change) -> Candidate:
        """Return the configuration with another change, if it is one."""
        if change is UNCHANGED:
            return self
        fields = {**self.fields, **change.fields}
        return Candidate(
            fields, (*self.causes, Clause(change.cause)), (*self.kinds, kind.name), self.distance + change.distance
        )


class Wanted(NamedTuple):
    """What is looked for: what is trained, with at most how many changes, and by how much more that may add to the base.

    `excesses` is None where nothing says how much is added, and `few_layers` says how a part of the layers may be chosen.
    """

    trained: Figure
    most: int
    excesses: Sequence[Figure] | None
    few_layers: FewLayers = ANY_LAYERS


# The kind of targets that nobody said and that no word chooses.
GUESSED = "guessed targets"
AS_BELIEVED = Candidate({}, (), (), 0)


class Beside(NamedTuple):
    """What is trained beside the targets, what that adds to the base, and the names that it takes from the targets."""

    trained: int
    added: int
    names: frozenset[str]


class Candidates:
    """What can be configured on a model. Sums are made once, and only of what is asked for."""

    def __init__(self, belief: Belief, model: Model) -> None:
        self.belief, self.model = belief, model
        self._targets: dict[tuple[Clause, ...], list[TargetChoice]] = {}
        self._beside: dict[str, Beside] = {}

    def making(self, wanted: Wanted) -> Iterator[Candidate]:
        """Yield what makes a figure."""
        stated = int(self.belief.is_stated(TARGETS))
        for setup in self._setups:
            if len(setup.kinds) > wanted.most:
                continue
            knob = read_knob(self.belief, setup.fields)
            for choice in self._targets_of(setup):
                is_other = choice.change is not UNCHANGED
                of_targets = "targets" if stated else GUESSED if not choice.usual else None
                kinds = (*setup.kinds, *filter(None, [of_targets if is_other else None]))
                if len(kinds) <= wanted.most:
                    fields = {**setup.fields, **choice.change.fields}
                    said = (Clause(choice.change.cause, is_fact=not stated),) if is_other else ()
                    distance = setup.distance + choice.change.distance
                    start = Candidate(fields, (*setup.causes, *said), kinds, distance)
                    yield from self._beside_targets(start, choice, knob, wanted)

    @cached_property
    def _setups(self) -> list[Candidate]:
        """The changes that decide what targets add: none, one of each kind, and pairs of them."""
        choices = [[UNCHANGED, *kind.changes(self.belief, self.model)] for kind in SETUPS]
        setups = []
        for changes in product(*choices):
            setup = AS_BELIEVED
            for kind, change in zip(SETUPS, changes, strict=True):
                setup = setup.with_change(kind, change)
            setups.append(setup)
        return sorted(setups, key=lambda setup: len(setup.kinds))

    def _targets_of(self, setup: Candidate) -> list[TargetChoice]:
        """Return the targets to choose among, with their sums."""
        if setup.causes not in self._targets:
            choices = target_choices(self.belief, self.model, setup.fields)
            # A variant that only scales trains the same.
            totals = [choice.total for choice in choices]
            known = [[choice.total for choice in others] for others in self._targets.values()]
            self._targets[setup.causes] = [] if totals in known else choices
        return self._targets[setup.causes]

    def _beside_targets(
        self, start: Candidate, choice: TargetChoice, knob: Knob | None, wanted: Wanted
    ) -> Iterator[Candidate]:
        """Yield what makes a figure with these targets, at any size and with any copies and biases."""
        for copied, biased in self._besides:
            candidate = start.with_change(COPIES, copied).with_change(BIASES_TRAINED, biased)
            left = wanted.most - len(candidate.kinds)
            if left < 0:
                continue
            beside = self._copied(copied)
            leaves, whole = choice.leaves - beside.names, choice.total
            for name in choice.leaves & beside.names:
                whole = whole.plus(choice.sums.totals.get(name, NOTHING), -1)
            freed = self._freed(biased, whole)
            excess = whole.frozen + beside.added - beside.trained - freed
            is_known = wanted.excesses is not None and not whole.frozen_slope
            if is_known and not any(each.has(excess) for each in wanted.excesses or ()):
                continue
            trained = wanted.trained.shifted(-beside.trained - freed)
            odd = not candidate.kinds and choice.usual
            layers = self._few_layers(wanted.few_layers)
            for change in size_changes(choice, whole, leaves, knob, trained, left, layers, with_odd=odd):
                yield Candidate(
                    {**candidate.fields, **change.fields},
                    (*candidate.causes, *change.causes),
                    (*candidate.kinds, *change.kinds),
                    candidate.distance + change.distance,
                    change.trained + change.frozen + beside.added,
                )

    def _few_layers(self, few: FewLayers) -> FewLayers:
        """Return how a part of the layers may be chosen, without a default where layers were believed."""
        return replace(few, default=None) if self.belief.is_stated(LAYERS) else few

    @cached_property
    def _besides(self) -> list[tuple[Change, Change]]:
        """The full copies and biases that may be trained beside the targets."""
        copies, biases = ([UNCHANGED, *kind.changes(self.belief, self.model)] for kind in (COPIES, BIASES_TRAINED))
        return list(product(copies, biases))

    def _copied(self, change: Change) -> Beside:
        """Return what full copies add; the targets do not matter."""
        if change.cause not in self._beside:
            cost = None
            names = frozenset(self.belief.with_fields(change.fields).get(SAVED) or ())
            if names or self.belief.config.task_heads:
                for choice in self._targets_of(AS_BELIEVED):
                    cost = cost or self.belief.count_with(
                        self.model, {**choice.change.fields, **change.fields, BIAS: None}
                    )
            if cost is None:
                self._beside[change.cause] = Beside(0, 0, frozenset())
            else:
                added = sum(copy.all for copy in cost.copies.values())
                leaves = frozenset(short_name(name) for name in cost.targets.full_copies.names)
                self._beside[change.cause] = Beside(cost.full_copy_params, added, leaves)
        return self._beside[change.cause]

    def _freed(self, change: Change, targets: Sum) -> int:
        """Return the biases of the base that are trained, by the field `bias`."""
        bias = change.fields.get(BIAS, self.belief.config.bias)
        if bias == "none":
            return 0
        return self._all_biases if bias == "all" else targets.biases

    @cached_property
    def _all_biases(self) -> int:
        tied = self.model.tied
        return sum(p.params for p in self.model.all_parameters() if p.name.endswith("bias") and p.name not in tied)
