"""The inverse of a count: the largest size of an adapter that stays inside a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from lora_cli.analysis.count.adapted_matrix import adapted_matrix, matrix_config
from lora_cli.analysis.count.matrix_count import Record
from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.fit.budget import DoesNotFit, Limits, checked_limits, excess, figure, larger, load, times
from lora_cli.analysis.fit.search import Load, edge, first_alike
from lora_cli.errors import InvalidInput
from lora_cli.methods import check_name, method_named, variant_fields
from lora_cli.methods.config.adapter_config import on_one_matrix, read_adapter_config
from lora_cli.methods.knob import most_rank
from lora_cli.models.config import Config

COUNTS_KEPT = 16
FIT_FIELDS = ("limit", "budget", "headroom", "knob", "size", "next_size", "overshoot")


def fit(
    d: int,
    h: int,
    *,
    method: str = "lora",
    settings: Mapping[str, Any] | None = None,
    max_params: int | None = None,
    max_percent: float | None = None,
    max_bytes: int | None = None,
) -> Fitted:
    """Return the largest adapter of one matrix of `d` inputs by `h` outputs that stays inside each limit given.

    Limits are on `trainable_params`, `percent_of_full` and `adapter_bytes`, and hold at equality. What is
    chosen is the rank, or the field that sets the size of a method without one. `settings` are other fields
    of the method's PEFT config. Without a limit, and where not even the smallest size fits, `InvalidInput`
    is raised.

    >>> fitted = fit(1024, 1024, max_params=100_000)
    >>> fitted.size, fitted.cost.trainable_params, fitted.headroom, fitted.overshoot
    (48, 98304, 1696, 352)
    >>> 48 * (1024 + 1024), 49 * (1024 + 1024) - 100_000
    (98304, 352)
    """
    name = check_name(method)
    given = {"peft_type": method_named(name).peft_type, **variant_fields(name), **(settings or {})}
    start = adapted_matrix(d, h, matrix_config(name, None, settings or {}))
    return fit_opened(
        Opened(start, on_one_matrix(given), f"method {name}"), checked_limits(max_params, max_percent, max_bytes)
    )


@dataclass(frozen=True)
class Opened:
    """A subject and the fields of the config that adapts it, of which one, the knob, is open.

    `start` has any value there, and has not been counted.
    """

    start: ModelCount
    fields: Mapping[str, Any]
    source: str

    def __post_init__(self) -> None:
        """Refuse a size that is given."""
        if self.knob in self.fields:
            raise InvalidInput(f"{self.source}: {self.knob} is what is looked for; leave it out")

    @property
    def knob(self) -> str | None:
        """The field that is looked for, or None where the method has none that is a whole number."""
        return self.start.how.knob if self.start.how.open_sizes else None

    def at(self, size: int) -> ModelCount:
        """Return the cost at a size of the knob; one that PEFT refuses raises `InvalidInput`."""
        config, _ = read_adapter_config(
            Config({**self.fields, str(self.knob): size}, self.source), self.start.config.label
        )
        cost = self.start.resized(replace(config, adapter_dtype=self.start.config.adapter_dtype))
        # Some of PEFT's refusals come with the tensors that it makes.
        _ = cost.adapter_params
        return cost


class Fitted(NamedTuple):
    """A cost inside a budget, at which size of which knob, and what the next larger one would cost.

    `limit` is the one that stops the next size, or the one with the least room. Its `budget`, the `headroom`
    left of it and the `overshoot` of the next size are in its own unit: parameters, percent points or bytes.
    """

    cost: ModelCount
    limit: str
    budget: int | float
    headroom: int | float
    knob: str | None = None
    size: int | None = None
    next_size: int | None = None
    overshoot: int | float | None = None
    notes: tuple[str, ...] = ()

    def record(self) -> Record:
        """Return the cost's figures and then its own by name, in the order of `FIT_FIELDS`."""
        return {**self.cost.record(), **{field: getattr(self, field) for field in FIT_FIELDS}}


def fit_opened(opened: Opened, limits: Limits) -> Fitted:
    """Return the size at which most is trained inside all limits.

    It is exact: it holds, and each size at which more is trained breaks a limit. A method without a size to
    choose is counted as it is. Where nothing fits, `InvalidInput` says what the smallest size costs.
    """
    if opened.knob is None:
        _ = opened.start.adapter_params
        return _as_it_is(opened.start, limits)
    # The few that are wanted again at the end; a large model's counts are large.
    at = lru_cache(COUNTS_KEPT)(opened.at)
    loads: dict[int, Load] = {}
    refusals: dict[int, InvalidInput] = {}

    def tried(size: int) -> Load | None:
        if size not in loads and size not in refusals:
            try:
                cost = at(size)
            except InvalidInput as refusal:
                refusals[size] = refusal
            else:
                loads[size] = load(cost, limits)
        return loads.get(size)

    runs = _runs(opened)
    edges = [edge(run, tried) for run in runs]
    held = [size for size, _ in edges if size is not None]
    over = {size: loads[size] for _, size in edges if size in loads}
    if not held:
        if not over:
            raise next(iter(refusals.values()))
        least = min(over, key=lambda size: times(over[size]))
        cost = at(least)
        raise DoesNotFit(
            f"{excess(cost, limits)}, even at the smallest size, {opened.knob} {least}; {larger(cost, limits)}",
            times(over[least]),
        )
    size = min(held, key=lambda size: (-loads[size].params, size))
    run = next(run for run in runs if size in run)
    if size == run[-1]:
        size = first_alike(run, tried)
    more = [size_over for size_over, found in over.items() if found.params > loads[size].params]
    if more:
        after = min(more, key=lambda size: (loads[size].params, size))
        return _fitted(at(size), limits, opened.knob, size, after, at(after))
    refusal = next((refusals[outside] for _, outside in edges if outside in refusals), None)
    return _fitted(at(size), limits, opened.knob, size)._replace(notes=(_last(opened, size, refusal),))


def _runs(opened: Opened) -> list[Any]:
    sizes = opened.start.how.open_sizes
    assert sizes is not None
    runs = [run for run in sizes(opened.start.targets.places, opened.start.settings) if run]
    if not runs:
        raise InvalidInput(f"{opened.source}: no {opened.knob} goes with all that is adapted; choose other targets")
    return runs


def _fitted(
    cost: ModelCount,
    limits: Limits,
    knob: str | None = None,
    size: int | None = None,
    next_size: int | None = None,
    after: ModelCount | None = None,
) -> Fitted:
    broken = [name for name, most in limits.items() if after is not None and figure(after, name) > most]
    # Of several, the one with the least room in proportion.
    limit = min(broken or limits, key=lambda name: (limits[name] - figure(cost, name)) / (limits[name] or 1))
    budget = limits[limit]
    overshoot = None if after is None else figure(after, limit) - budget
    return Fitted(cost, limit, budget, budget - figure(cost, limit), knob, size, next_size, overshoot)


def _as_it_is(cost: ModelCount, limits: Limits) -> Fitted:
    found = load(cost, limits)
    if not found.holds:
        raise DoesNotFit(
            f"{excess(cost, limits)}, and it has no size to choose; {larger(cost, limits)}",
            times(found),
        )
    return _fitted(cost, limits)._replace(
        notes=(f"{cost.method} has no size that is a whole number to choose, so it is counted as its config says",)
    )


def _last(opened: Opened, size: int, refusal: InvalidInput | None) -> str:
    """Say why a size is the last although the budget would allow more."""
    if refusal is not None:
        return (
            f"the budget allows more than {opened.knob} {size} of {opened.start.method}, but PEFT does not: {refusal}"
        )
    if opened.knob in {"r", "init_r"} and size == most_rank(opened.start.targets.places):
        return (
            f"the budget allows more than {opened.knob} {size} of {opened.start.method}, but nothing that is adapted has a higher rank "
            "than that, so more would add parameters and nothing else"
        )
    return f"the budget allows more than {opened.knob} {size} of {opened.start.method}, but no other {opened.knob} trains more"
