"""What is counted, in words: the head of a table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from lora_cli.errors import first_few
from lora_cli.methods.registry import short_title, variant_fields

if TYPE_CHECKING:
    from lora_cli.analysis.count.model_count import ModelCount
    from lora_cli.methods.config.adaptation import Adaptation

ONE_MATRIX = "one matrix"
# More targets than these are not all named.
MOST_NAMES = 8


def head(methods: Collection[str], subjects: Collection[str]) -> str:
    """Return which methods are counted on which subjects.

    >>> head(["dora"], ["gpt2"]), head(["lora", "vera"], [ONE_MATRIX])
    ('DoRA on gpt2', '2 methods on one matrix')
    """
    (method, *others), (subject, *more) = methods, subjects
    what = f"{len(methods)} methods" if others else short_title(method)
    return f"{what} on {f'{len(subjects)} models' if more else subject}"


def chosen(how: Adaptation) -> list[str]:
    """Return the targets or the config that a caller named."""
    if how.target is None:
        return [] if how.adapter is None else [str(how.adapter)]
    is_long = not isinstance(how.target, str) and len(how.target) > MOST_NAMES
    return [first_few(how.target, str) if is_long else _listed(how.target)]


def _listed(names: str | Sequence[str]) -> str:
    return names if isinstance(names, str) else ",".join(names)


def defaults(cost: ModelCount, how: Adaptation, *, is_model: bool, has_size: bool) -> Iterator[str]:
    """Yield what a config has from PEFT because the caller did not say: its size, unless it `has_size`, and its targets."""
    if how.adapter is not None:
        return
    given = {*how.settings, *variant_fields(cost.method), *(["r"] if how.r is not None else [])}
    knob, targets = cost.how.knob, cost.targets.config.target_modules
    if not has_size and knob is not None and knob not in given:
        size = cost.config.r if knob == "r" else getattr(cost.settings, knob, None)
        if isinstance(size, int | float):
            yield f"{knob} {size}"
    if how.target is None and "target_modules" not in given and targets and is_model:
        yield f"targets {few(targets)}"


def few(targets: str | Sequence[str]) -> str:
    """Return the names of targets, not all of many.

    >>> few("all-linear"), few(["q_proj", "v_proj"]), few([f"q{n}" for n in range(9)])
    ('all-linear', 'q_proj,v_proj', 'q0, q1, q2 and 6 more')
    """
    is_long = not isinstance(targets, str) and len(targets) > MOST_NAMES
    return first_few(targets, str) if is_long else _listed(targets)
