"""What the same budget would buy with other targets."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.count.matrix_count import Record
from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.fit.budget import DoesNotFit, Limits
from lora_cli.analysis.fit.largest_size import Fitted, Opened, fit_opened
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import read_adapter_config
from lora_cli.methods.targeting.target_sets import Names, target_sets
from lora_cli.models.config import Config

FIELDS = ("target", "knob", "size", "adapted_modules", "trainable_params", "percent_of_full", "headroom")


def alternatives(opened: Opened, limits: Limits) -> Iterator[Record]:
    """Yield, for each usual set of targets but the one that is asked for, the largest size of the same method.

    A set in which not even the smallest size fits has none; one that the method refuses is left out.
    """
    how = opened.start.how
    if opened.knob is None or how.prompt_tensors is not None or "Linear" not in how.module_kinds:
        return
    seen = {_places(opened.start)}
    for target in target_sets(opened.start.subject):
        try:
            other = _with_target(opened, target)
            places = _places(other.start)
            if places in seen:
                continue
            seen.add(places)
            yield _record(other, fit_opened(other, limits))
        except DoesNotFit:
            yield _record(other, None)
        except InvalidInput:
            continue


def _with_target(opened: Opened, target: Names | str | None) -> Opened:
    fields = {**opened.fields, "target_modules": list(target) if isinstance(target, tuple) else target}
    config, _ = read_adapter_config(Config(fields, opened.source), opened.start.config.label)
    return Opened(ModelCount(opened.start.subject, config), fields, opened.source)


def _places(cost: ModelCount) -> frozenset[str]:
    return frozenset(place.module.name for place in cost.targets.places)


def _record(opened: Opened, fitted: Fitted | None) -> Record:
    wanted = opened.fields["target_modules"] or opened.start.targets.config.target_modules
    target = wanted if isinstance(wanted, str) else ",".join(wanted or ())
    if fitted is None:
        figures: tuple[int | float | None, ...] = (None, opened.start.adapted_modules, None, None, None)
    else:
        cost = fitted.cost
        figures = (fitted.size, cost.adapted_modules, cost.trainable_params, cost.percent_of_full, fitted.headroom)
    return dict(zip(FIELDS, (target, opened.knob, *figures), strict=True))
