"""What a fit searches: a subject, and the fields of a config of which one, the knob, is free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from lora_cli.analysis.count.adapted_matrix import count_matrix_plan, matrix_plan
from lora_cli.analysis.count.count_plan import Plan, make_plan
from lora_cli.analysis.count.model_count import ModelCount, count_plan
from lora_cli.analysis.subject import Subject, refuse_target
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.arguments import (
    ConfigFields,
    config_fields,
    read_fields,
    refuse_unknown_to_all,
    unknown_field,
    unknown_warnings,
)
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.knob import Runs
from lora_cli.methods.registry import check_name, method_named
from lora_cli.models.config import Config
from lora_cli.time_limit import TookTooLong

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KnobSearch:
    """A subject and the fields of the config that adapts it, without the knob.

    `plan` has the knob's default. `source` is what messages call the config, and `base` are its fields that name the base
    model, where a recipe does.
    """

    plan: Plan
    fields: Mapping[str, Any]
    source: str
    count: Callable[[Plan], ModelCount] = count_plan
    base: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a config that sets the knob."""
        if self.knob in self.fields:
            raise InvalidInput(f"{self.source}: {self.knob} is what is searched for; leave it out")

    @property
    def knob(self) -> str | None:
        """The field that is searched for, or None where the method has none that is a whole number."""
        return self.plan.method.knob if self.plan.method.open_sizes else None

    @property
    def method(self) -> str:
        """The method's name, or that of its variant."""
        return self.plan.config.label

    def runs(self) -> Runs:
        """Return the sizes that the knob can take, in runs along which no count gets smaller."""
        sizes = self.plan.method.open_sizes
        runs = [] if sizes is None else [run for run in sizes(self.plan.targets.places, self.plan.settings) if run]
        if not runs:
            raise InvalidInput(f"{self.source}: no {self.knob} fits every adapted module; choose other targets")
        return runs

    def at(self, size: int) -> ModelCount:
        """Return the cost at a size of the knob; one that PEFT refuses raises `InvalidInput`."""
        config, _ = read_adapter_config(Config({**self.fields, str(self.knob): size}, self.source), self.method)
        plan = self.plan.config
        kept = replace(config, adapter_dtype=plan.adapter_dtype, revision=plan.revision, notes=plan.notes)
        return self.count(self.plan.resized(kept))

    def as_configured(self) -> ModelCount:
        """Return the cost of a config without a knob."""
        return self.count(self.plan)


def knob_search(subject: Subject, how: Adaptation) -> tuple[KnobSearch, list[str]]:
    """Return the search for a method's size on a subject, and a warning for each unknown field of its file."""
    if subject.model is None:
        refuse_target(how)
    given = config_fields(how, of_model=subject.model is not None, needs_rank=False)
    if how.adapter is not None:
        # The search replaces the size in the file.
        knob = method_named(str(given.fields.get("peft_type", "lora"))).knob
        given = given._replace(fields={name: value for name, value in given.fields.items() if name != knob})
    search, unknown = _search(subject, how, given)
    if unknown and how.adapter is None:
        raise unknown_field(how.method_name, unknown[0])
    return search, unknown_warnings(given.source, unknown)


def knob_searches(subject: Subject, hows: Sequence[Adaptation]) -> list[KnobSearch | InvalidInput]:
    """Return the searches of several methods, or why there is none; each method gets the fields that it has."""
    return searches_of(subject, hows, lambda how, given: _search(subject, how, given)[0])


def searches_of(
    subject: Subject, hows: Sequence[Adaptation], search: Callable[[Adaptation, ConfigFields], T]
) -> list[T | InvalidInput]:
    """Return what `search` makes of each method and the fields that it has, or why it refuses them."""
    methods = [method_named(check_name(how.method_name)) for how in hows]
    has_alpha, has_rank = any(method.alpha for method in methods), any(method.rank for method in methods)
    searches: list[T | InvalidInput] = []
    unknown_to: list[frozenset[str]] = []
    for method, how in zip(methods, hows, strict=True):
        fitting = how._replace(
            alpha=None if has_alpha and method.alpha is None else how.alpha,
            r=None if has_rank and method.rank is None else how.r,
        )
        given = config_fields(fitting, of_model=subject.model is not None, needs_rank=False)
        try:
            unknown = read_fields(fitting, given).unknown
            unknown_to.append(frozenset(unknown))
            known = {field: value for field, value in given.fields.items() if field not in unknown}
            searches.append(search(fitting, given._replace(fields=known)))
        except TookTooLong:
            raise
        except InvalidInput as refusal:
            searches.append(refusal)
    refuse_unknown_to_all(hows[0].method_name, unknown_to)
    return searches


def _search(subject: Subject, how: Adaptation, given: ConfigFields) -> tuple[KnobSearch, Sequence[str]]:
    config, unknown = read_fields(how, given)
    if subject.model is not None:
        return KnobSearch(
            make_plan(subject.model, config), given.fields, given.source, base=dict(subject.base)
        ), unknown
    plan = matrix_plan(subject.d, subject.h, config)
    return KnobSearch(plan, given.fields, given.source, count_matrix_plan), unknown
