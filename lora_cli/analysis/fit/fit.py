"""The question "how large may it be?": the inverse of a count, inside a budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from lora_cli.analysis.count.adapted_matrix import AdaptedMatrix
from lora_cli.analysis.count.count import Count
from lora_cli.analysis.count.remarks import notes_of, warnings_of
from lora_cli.analysis.count.titles import ONE_MATRIX, chosen, head
from lora_cli.analysis.fit.budget import read_budget
from lora_cli.analysis.fit.knob_search import KnobSearch, knob_search, knob_searches
from lora_cli.analysis.fit.largest_size import LargestSize, largest_size
from lora_cli.analysis.limits import LIMITS, Amount, Limits
from lora_cli.analysis.result import Record
from lora_cli.analysis.subject import Subject, read_subject
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.quantities import count_text, number_text
from lora_cli.time_limit import TookTooLong

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.models.model import Source

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
    _search: KnobSearch
    _largest: LargestSize
    _budget: Limits

    __slots__ = ("_budget", "_largest", "_search")
    _has_size = True

    def __init__(
        self,
        search: KnobSearch,
        largest: LargestSize,
        budget: Limits,
        how: Adaptation,
        warnings: Sequence[str] = (),
    ) -> None:
        cost = largest.cost
        super().__init__(
            {**cost.record(), **{field: getattr(largest, field) for field in FIELDS}},
            tensors=cost.tensors if isinstance(cost, AdaptedMatrix) else (),
            cost=cost,
            how=how,
            warnings=[*warnings, *warnings_of(cost)],
            notes=[*notes_of(cost), *largest.notes],
            _search=search,
            _largest=largest,
            _budget=budget,
        )

    def alternatives(self) -> list[Record]:
        """Return what the same budget buys with other usual targets of a model."""
        from lora_cli.analysis.fit.alternatives import alternatives

        return [] if self.model is None else list(alternatives(self._search, self._budget))

    def config(self) -> dict[str, Any]:
        """Return the fields of the adapter_config.json that PEFT loads."""
        from lora_cli.analysis.fit.fitted_config import fitted_fields

        return fitted_fields(self._search, self._largest)

    def alpha_note(self) -> str | None:
        """Return a note on the alpha that the config gets if none is given."""
        from lora_cli.analysis.fit.fitted_config import alpha_note

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
) -> Fit:
    """Find the largest adapter of a `d` × `h` matrix, or of a `model`, that stays inside each limit.

    max_params     limit on `trainable_params`, e.g. 20_000_000 or "20M"
    max_percent    limit on `percent_of_full`, e.g. 0.5
    max_bytes      limit on `adapter_bytes`, e.g. "50MB" or "50MiB"

    A limit holds at equality. What is chosen is the rank, or the field that sets the size of a method without one. The
    other arguments are those of `count`. Without a limit, and if not even the smallest size fits, `InvalidInput` is
    raised.

    >>> largest = fit(d=1024, h=1024, max_params=100_000)
    >>> largest.size, largest.trainable_params, largest.headroom, largest.overshoot
    (48, 98304, 1696, 352)
    >>> 48 * (1024 + 1024), 49 * (1024 + 1024) - 100_000
    (98304, 352)
    """
    budget = read_budget(max_params=max_params, max_percent=max_percent, max_bytes=max_bytes)
    how = Adaptation(method, None, alpha, target, settings or {}, adapter, adapter_dtype)
    return fit_subject(read_subject(d, h, model, adapter), how, budget)


def fit_subject(subject: Subject, how: Adaptation, budget: Limits) -> Fit:
    """Find the largest adapter of a subject, as `how` adapts it, inside a budget."""
    search, warnings = knob_search(subject, how)
    return Fit(search, largest_size(search, budget), budget, how, warnings)


def title_of(fits: Sequence[Fit], budget: Limits) -> list[str]:
    """Return in words what several fits are of: the methods on their subject, the targets, and the budget."""
    first = fits[0]
    limits = (
        f"{LIMITS[name].rule} {count_text(most) if isinstance(most, int) else number_text(most)}"
        for name, most in budget.items()
    )
    return [head([each.method for each in fits], [first.model or ONE_MATRIX]), *chosen(first.how), *limits]


def fit_methods(subject: Subject, hows: Sequence[Adaptation], budget: Limits) -> tuple[list[Fit], list[str]]:
    """Return the fits of several methods, and why each of the others is left out; where none fits, raise."""
    fits: list[Fit] = []
    refusals: dict[str, InvalidInput] = {}
    for how, search in zip(hows, knob_searches(subject, hows), strict=True):
        try:
            if isinstance(search, InvalidInput):
                raise search
            fits.append(Fit(search, largest_size(search, budget), budget, how))
        except TookTooLong:
            raise
        except InvalidInput as refusal:
            refusals[how.method_name] = refusal
    if not fits:
        nearest = min(refusals.values(), key=lambda refusal: getattr(refusal, "times", math.inf))
        raise InvalidInput(f"none of the {len(hows)} methods fits; the nearest miss is this: {nearest}")
    return fits, [f"{name} is left out: {refusal}" for name, refusal in refusals.items()]
