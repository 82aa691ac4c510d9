"""What the same budget would buy with other targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lora_cli.analysis.count.count_plan import Plan, make_plan
from lora_cli.analysis.fit.budget import DoesNotFit
from lora_cli.analysis.fit.knob_search import KnobSearch
from lora_cli.analysis.fit.largest_size import LargestSize, largest_size
from lora_cli.analysis.limits import Limits
from lora_cli.analysis.result import Record
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.targeting.target_sets import Names, target_sets
from lora_cli.models.config import Config
from lora_cli.time_limit import TookTooLong

FIELDS = ("target", "knob", "size", "adapted_modules", "trainable_params", "percent_of_full", "headroom")


def alternatives(search: KnobSearch, budget: Limits) -> Iterator[Record]:
    """Yield the largest size of the same method for each usual set of targets but the one that is asked for.

    A set for which even the smallest size is too large has no size; one that the method refuses is left out.
    """
    method = search.plan.method
    if search.knob is None or method.prompt_tensors is not None or "Linear" not in method.module_kinds:
        return
    seen = {_module_names(search.plan)}
    for target in target_sets(search.plan.subject):
        try:
            other = _with_target(search, target)
            names = _module_names(other.plan)
            if names in seen:
                continue
            seen.add(names)
            yield _record(other, largest_size(other, budget))
        except DoesNotFit:
            yield _record(other, None)
        except TookTooLong:
            raise
        except InvalidInput:
            continue


def _with_target(search: KnobSearch, target: Names | str | None) -> KnobSearch:
    fields = {**search.fields, "target_modules": list(target) if isinstance(target, tuple) else target}
    config, _ = read_adapter_config(Config(fields, search.source), search.method)
    config = replace(config, adapter_dtype=search.plan.config.adapter_dtype)
    return replace(search, plan=make_plan(search.plan.subject, config), fields=fields)


def _module_names(plan: Plan) -> frozenset[str]:
    return frozenset(place.module.name for place in plan.targets.places)


def _record(search: KnobSearch, largest: LargestSize | None) -> Record:
    targets = search.fields["target_modules"] or search.plan.targets.config.target_modules
    name = targets if isinstance(targets, str) else ",".join(targets or ())
    if largest is None:
        figures: tuple[int | float | None, ...] = (None, len(search.plan.targets.places), None, None, None)
    else:
        cost = largest.cost
        figures = (largest.size, cost.adapted_modules, cost.trainable_params, cost.percent_of_full, largest.headroom)
    return dict(zip(FIELDS, (name, search.knob, *figures), strict=True))
