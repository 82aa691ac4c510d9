"""The question "how large may it be?": the inverse of a count, inside a budget."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, SupportsIndex

from lora_cli.analysis.count.adapted_matrix import AdaptedMatrix
from lora_cli.analysis.count.count import Count
from lora_cli.analysis.count.remarks import notes_of, warnings_of
from lora_cli.analysis.count.titles import ONE_MATRIX, chosen, head
from lora_cli.analysis.fit.budget import DoesNotFit, memory_notes, read_budget
from lora_cli.analysis.fit.knob_search import KnobSearch, knob_search, knob_searches
from lora_cli.analysis.fit.largest_size import LargestSize, largest_size
from lora_cli.analysis.limits import LIMITS, MAX_MEMORY, TRAINING_KNOBS, Amount, Limits
from lora_cli.analysis.progress import Tick, untold
from lora_cli.analysis.result import Record
from lora_cli.analysis.subject import Subject, read_subject
from lora_cli.errors import InvalidInput, argument, choices, is_several, question, quote
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.quantities import Value, count_text, number_text
from lora_cli.time_limit import TookTooLong

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.analysis.fit.training_search import TrainingSearch
    from lora_cli.models.model import Source

# What is searched for: the rank by default, or a setting of the training.
RANK = "r"
FIELDS = ("limit", "budget", "headroom", "knob", "size", "next_size", "overshoot")


class Fit(Count):
    """The count at the largest size inside a budget, and what the next size would cost.

    The fields of a count come first. `limit` is the limit that stops the next size; `budget`, `headroom` and
    `overshoot` are in its unit. `knob` is the field of the config that was searched for (`r`, or another method's).
    """

    limit: str
    budget: int | float
    headroom: int | float
    knob: str | None
    size: int | None
    next_size: int | None
    overshoot: int | float | None
    _search: KnobSearch | TrainingSearch
    _largest: LargestSize
    _budget: Limits

    __slots__ = ("_budget", "_largest", "_search")
    _has_size = True

    def __init__(
        self,
        search: KnobSearch | TrainingSearch,
        largest: LargestSize,
        budget: Limits,
        how: Adaptation,
        warnings: Sequence[str] = (),
        assumptions: Sequence[str] = (),
    ) -> None:
        cost = largest.cost
        super().__init__(
            {**cost.record(), **{field: getattr(largest, field) for field in FIELDS}},
            tensors=cost.tensors if isinstance(cost, AdaptedMatrix) else (),
            cost=cost,
            how=how,
            warnings=[*warnings, *warnings_of(cost)],
            notes=[*notes_of(cost), *largest.notes, *memory_notes(cost, budget)],
            assumptions=assumptions,
            _search=search,
            _largest=largest,
            _budget=budget,
        )

    def alternatives(self) -> list[Record]:
        """Return what the same budget buys with other usual targets of a model."""
        from lora_cli.analysis.fit.alternatives import alternatives

        if self.model is None or not isinstance(self._search, KnobSearch):
            return []
        return list(alternatives(self._search, self._budget))

    @property
    def config_fields(self) -> dict[str, Any]:
        """The adapter_config.json of a model's adapter, with the size that was found; {} of one matrix."""
        from lora_cli.analysis.fit.fitted_config import fitted_fields

        if self.model is None or not isinstance(self._search, KnobSearch):
            return super().config_fields
        return fitted_fields(self._search, self._largest)

    @property
    def training(self) -> dict[str, Value]:
        """How the adapter is trained, without what is searched for; {} where the budget is not of memory."""
        settings: Mapping[str, Value] = getattr(self._largest.cost, "training", {})
        return {name: value for name, value in settings.items() if name != self.knob}

    def config(self) -> dict[str, Any]:
        """Return the fields of the adapter_config.json that PEFT loads."""
        from lora_cli.analysis.fit.fitted_config import fitted_fields, refuse_missing_task

        if not isinstance(self._search, KnobSearch):
            raise InvalidInput(
                f"the config is the one that was given: {argument('knob')} {self.knob} changes none of it"
            )
        fields = fitted_fields(self._search, self._largest)
        refuse_missing_task(self._search, fields)
        return fields

    def alpha_note(self) -> str | None:
        """Return a note on the alpha that the config gets if none is given."""
        from lora_cli.analysis.fit.fitted_config import alpha_note

        if not isinstance(self._search, KnobSearch):
            return None
        return alpha_note(self._search, self._largest)


def fit(
    d: SupportsIndex | None = None,
    h: SupportsIndex | None = None,
    *,
    model: Source | None = None,
    target: str | Sequence[str] | None = None,
    method: str | None = None,
    settings: Mapping[str, object] | None = None,
    alpha: float | None = None,
    adapter: str | PathLike[str] | None = None,
    adapter_dtype: str | None = None,
    max_params: Amount | None = None,
    max_percent: Amount | None = None,
    max_bytes: Amount | None = None,
    max_memory: Amount | None = None,
    knob: str | None = None,
    r: SupportsIndex | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: str | PathLike[str] | None = None,
) -> Fit:
    """Find the largest adapter of a `d` × `h` matrix, or of a `model`, that stays inside each limit.

    max_params     limit on `trainable_params`, e.g. 20_000_000 or "20M"
    max_percent    limit on `percent_of_full`, e.g. 0.5
    max_bytes      limit on `adapter_bytes`, e.g. "50MB" or "50MiB"
    max_memory     limit on the GPU memory of training it, e.g. "24GB" or "24GiB"
    training       how it is trained: keywords of `memory`, e.g. {"batch": 4, "seq": 1024, "quantize": "nf4"}; the memory
                   of its "gpu" is a limit too
    knob           "batch" or "seq" to search for that, with `max_memory`, at the rank `r`

    A limit holds at equality. What is chosen is the rank, or the field that sets the size of a method without one. The
    other arguments are those of `count`. Without a limit, `InvalidInput` is raised, and where not even the smallest size
    fits, one that is `DoesNotFit`.

    >>> largest = fit(d=1024, h=1024, max_params=100_000)
    >>> largest.size, largest.trainable_params, largest.headroom, largest.overshoot
    (48, 98304, 1696, 352)
    >>> 48 * (1024 + 1024), 49 * (1024 + 1024) - 100_000
    (98304, 352)
    """
    budget = read_budget(
        (training or {}).get("gpu"),
        max_params=max_params,
        max_percent=max_percent,
        max_bytes=max_bytes,
        max_memory=max_memory,
    )
    if method is not None and is_several(method):
        raise InvalidInput(f"method {quote(method)} is not one name; call {question('fit')} for each")
    how = Adaptation(method, r, alpha, target, settings or {}, adapter, adapter_dtype)
    subject, (how,), training = read_question(d, h, model, [how], budget, knob, training or {}, recipe)
    return fit_subject(subject, how, budget, knob, training)


def read_question(
    d: SupportsIndex | None,
    h: SupportsIndex | None,
    model: Source | None,
    hows: Sequence[Adaptation],
    budget: Limits,
    knob: str | None,
    training: Mapping[str, Any],
    recipe: str | PathLike[str] | None,
) -> tuple[Subject, Sequence[Adaptation], Mapping[str, Any]]:
    """Return the subject, how each method adapts it and how it is trained, as the arguments or a recipe say.

    What is searched for is not read of the recipe, and its training only where the budget is of memory.
    """
    if recipe is None:
        return read_subject(d, h, model, hows[0].adapter), hows, training
    from lora_cli.analysis.recipe import follow_recipe

    asked = training if training or MAX_MEMORY in budget else None
    return follow_recipe(recipe, model, hows, asked, without=(RANK if knob is None else knob,), d=d, h=h)


def fit_subject(
    subject: Subject,
    how: Adaptation,
    budget: Limits,
    knob: str | None = None,
    training: Mapping[str, Any] = MappingProxyType({}),
    tick: Tick = untold,
) -> Fit:
    """Find the largest adapter of a subject, as `how` adapts it, inside a budget; or the largest training of one.

    `tick` is called for each training that is replayed.
    """
    search: KnobSearch | TrainingSearch
    if knob is not None and knob in TRAINING_KNOBS:
        from lora_cli.analysis.fit.training_search import training_search

        search, warnings = training_search(subject, how, knob, training, tick)
    else:
        _check_knob(how, knob)
        found, warnings = knob_search(subject, how)
        search = _with_memory(found, subject, budget, training, tick)
    try:
        return Fit(search, _largest(search, budget), budget, how, warnings, subject.assumptions)
    except DoesNotFit as refusal:
        raise _advised(refusal, budget) from None


def _advised(refusal: InvalidInput, budget: Limits) -> InvalidInput:
    """Return a refusal with what would help, where that is known."""
    if MAX_MEMORY not in budget or not isinstance(refusal, DoesNotFit):
        return refusal
    from lora_cli.analysis.fit.memory_advice import with_advice

    return with_advice(refusal, budget)


def _searches(
    subject: Subject,
    hows: Sequence[Adaptation],
    budget: Limits,
    knob: str | None,
    training: Mapping[str, Any],
    tick: Tick,
) -> Iterator[KnobSearch | TrainingSearch | InvalidInput]:
    """Yield what is searched with each of several methods, or why nothing is."""
    if knob is not None and knob in TRAINING_KNOBS:
        from lora_cli.analysis.fit.training_search import training_searches

        yield from training_searches(subject, hows, knob, training, tick)
        return
    _check_knob(hows[0], knob)
    for search in knob_searches(subject, hows):
        yield search if isinstance(search, InvalidInput) else _with_memory(search, subject, budget, training, tick)


def _largest(search: KnobSearch | TrainingSearch, budget: Limits) -> LargestSize:
    if isinstance(search, KnobSearch):
        return largest_size(search, budget)
    from lora_cli.analysis.fit.training_search import largest_training

    return largest_training(search, budget)


def _check_knob(how: Adaptation, knob: str | None) -> None:
    """Refuse a knob that is not known, and a rank where the rank is what is searched for."""
    if knob is not None and knob != RANK:
        raise InvalidInput(f"{argument('knob')}: {quote(knob)} is not known; {choices(knob, (RANK, *TRAINING_KNOBS))}")
    if how.r is not None:
        raise InvalidInput(
            f"{argument('r')} is what a fit searches for; leave it out, or give {argument('knob')} batch or seq"
        )


def _with_memory(
    search: KnobSearch, subject: Subject, budget: Limits, training: Mapping[str, Any], tick: Tick
) -> KnobSearch:
    """Return the search with the memory of the training beside each count, where the budget is of that."""
    if MAX_MEMORY not in budget:
        if training:
            from lora_cli.analysis.memory.arguments import read_arguments

            read_arguments(training)
            raise InvalidInput(
                f"{argument(next(iter(training)))} says how an adapter is trained, which only {argument(MAX_MEMORY)} "
                f"depends on; give that or {argument('gpu')}, or drop it"
            )
        return search
    if subject.model is None:
        limit = argument("gpu" if "gpu" in training else MAX_MEMORY)
        raise InvalidInput(
            f"{limit} limits the memory of training a model, and one matrix is not trained alone; give {argument('model')}"
        )
    from lora_cli.analysis.memory.trained_count import trained_counter

    return replace(search, count=trained_counter(training, tick))


def common_training(fits: Sequence[Fit]) -> dict[str, Value]:
    """Return how the adapters of several fits are trained, as far as that is the same for all."""
    first, *others = (largest.training for largest in fits)
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def title_of(fits: Sequence[Fit], budget: Limits) -> list[str]:
    """Return in words what several fits are of: the methods on their subject, the targets, and the budget."""
    first = fits[0]
    limits = (
        f"{LIMITS[name].rule} {count_text(most) if isinstance(most, int) else number_text(most)}"
        for name, most in budget.items()
    )
    return [head([each.method for each in fits], [first.model or ONE_MATRIX]), *chosen(first.how), *limits]


def fit_methods(
    subject: Subject,
    hows: Sequence[Adaptation],
    budget: Limits,
    knob: str | None = None,
    training: Mapping[str, Any] = MappingProxyType({}),
    tick: Tick = untold,
) -> tuple[list[Fit], list[str]]:
    """Return the fits of several methods, and why each of the others is left out; where none fits, raise."""
    fits: list[Fit] = []
    refusals: dict[str, InvalidInput] = {}
    for how, search in zip(hows, _searches(subject, hows, budget, knob, training, tick), strict=True):
        try:
            if isinstance(search, InvalidInput):
                raise search
            fits.append(Fit(search, _largest(search, budget), budget, how, assumptions=subject.assumptions))
        except TookTooLong:
            raise
        except InvalidInput as refusal:
            refusals[how.method_name] = refusal
    if not fits:
        nearest = min(refusals.values(), key=lambda refusal: getattr(refusal, "times", math.inf))
        raise InvalidInput(
            f"none of the {len(hows)} methods fits; the nearest miss is this: {_advised(nearest, budget)}"
        )
    return fits, [f"{name} is left out: {refusal}" for name, refusal in refusals.items()]
