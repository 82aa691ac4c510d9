"""The targets that may have been adapted instead: sets that people choose among, and sets of the model's own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import NamedTuple

from lora_cli.analysis.explain.belief import BIAS, SAVED, TARGETS, Belief, Fields
from lora_cli.analysis.explain.changes import UNCHANGED, Change
from lora_cli.analysis.explain.sums import Sum, Sums, sums_of
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import LINEARS
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.target_sets import target_sets
from lora_cli.models.model import Model
from lora_cli.models.nodes import short_name

# Of so many names every set is tried; of more, those that differ in few names from another set.
MOST_NAMES, FEW_NAMES = 10, 2
# How far a set is from what somebody would choose who said nothing: all layers, PEFT's default, the other usual ones.
UNUSUAL = 4
# Believed targets that are longer than this are not repeated.
MOST_SHOWN = 50


class TargetChoice(NamedTuple):
    """A change of the targets, the last parts of the names that are adapted then, and the sums that theirs are among.

    `total` is the sum of these. A set that is `usual` is one that people choose by a word, or that was believed.
    """

    change: Change
    sums: Sums
    leaves: frozenset[str]
    total: Sum
    usual: bool


def target_choices(belief: Belief, model: Model, fields: Fields) -> list[TargetChoice]:
    """Return the believed targets first, if PEFT accepts them, then others; `fields` are what else differs."""
    is_stated = belief.is_stated(TARGETS)
    own = _sums(belief, model, fields)
    believed = None if own is None or not is_stated else frozenset(own.totals)
    choices: dict[object, TargetChoice] = {}

    def add(wanted: Sequence[str] | str | None, sums: Sums, leaves: frozenset[str], place: int, *, usual: bool) -> None:
        total = sums.total(leaves)
        if (leaves, total) not in choices:
            cause, distance = _difference(believed, leaves, _text(wanted, leaves), belief.fields.get(TARGETS))
            # A set that one word chooses is one word away from any other.
            away = place if believed is None else 1 if usual else distance
            change = Change({TARGETS: wanted}, cause, away)
            choices[leaves, total] = TargetChoice(change, sums, leaves, total, usual)

    if own is not None and believed is not None:
        total = own.total(believed)
        choices[believed, total] = TargetChoice(UNCHANGED, own, believed, total, usual=True)
    for place, wanted in enumerate(_named(model)):
        sums = _sums(belief, model, {**fields, TARGETS: wanted})
        if sums is not None:
            add(wanted, sums, frozenset(sums.totals), place, usual=True)
    names = _names(belief, model)
    whole = _sums(belief, model, {**fields, TARGETS: names}) if names else None
    if whole is not None:
        for chosen in _sets(names, [choice.leaves for choice in choices.values()]):
            add(chosen, whole, frozenset(chosen), UNUSUAL + len(chosen), usual=False)
    return list(choices.values())


def _named(model: Model) -> Iterator[Sequence[str] | str | None]:
    """Yield the sets that people choose among, the likeliest first."""
    default, *others, every = target_sets(model)
    for wanted in (every, default, *others):
        yield list(wanted) if isinstance(wanted, tuple) else wanted


def _names(belief: Belief, model: Model) -> list[str]:
    """Return the last parts of the names that the method can adapt."""
    kinds = belief.method.module_kinds or LINEARS
    ends = {model.output, model.embeddings}
    names = {
        short_name(module.name): None
        for module in model.modules
        if module.kind in LINEARS or (module.kind in kinds and module.name in ends)
    }
    return list(names)


def _sets(names: Sequence[str], known: Sequence[frozenset[str]]) -> Iterator[list[str]]:
    """Yield sets of names: all of them, or those near the known sets."""
    if len(names) <= MOST_NAMES:
        subsets = chain.from_iterable(combinations(names, number) for number in range(1, len(names) + 1))
        yield from map(list, subsets)
        return
    for leaves in dict.fromkeys(known):
        for number in range(FEW_NAMES + 1):
            for changed in combinations(names, number):
                chosen = leaves ^ frozenset(changed)
                if chosen:
                    yield [name for name in names if name in chosen]


def _sums(belief: Belief, model: Model, fields: Fields) -> Sums | None:
    """Return the sums of what is adapted, without what is trained beside it; None where PEFT refuses."""
    alone = {**fields, SAVED: None, BIAS: None}
    cost = belief.count_with(model, alone)
    if cost is None:
        return None
    size = knob_size(cost.config)
    doubled = None
    knob = cost.how.knob
    if size is not None and knob is not None:
        config = belief.config_or_none({**alone, knob: 2 * size})
        doubled = config
    return sums_of(cost, doubled, size or 1)


def knob_size(config: AdapterConfig) -> int | None:
    """Return the whole number that sets the size of a config's method, e.g. its rank; None where there is none."""
    knob = method_named(config.method).knob
    size = config.r if knob == "r" else getattr(config.settings, knob or "", None)
    return size if isinstance(size, int) and size > 0 else None


def _text(wanted: Sequence[str] | str | None, leaves: frozenset[str]) -> str:
    if wanted is None:
        return f"{','.join(sorted(leaves))}, PEFT's default"
    return wanted if isinstance(wanted, str) else ",".join(wanted)


def _difference(
    believed: frozenset[str] | None, leaves: frozenset[str], text: str, stated: Sequence[str] | str | None
) -> tuple[str, int]:
    """Return the clause that says which targets there are instead of the believed ones, and in how many names they differ."""
    if believed is None:
        return f"the targets are {text}", 0
    missing, more = sorted(believed - leaves), sorted(leaves - believed)
    distance = len(missing) + len(more)
    if distance > FEW_NAMES or not distance or text.endswith("default"):
        before = stated if isinstance(stated, str) else ",".join(stated or ())
        return f"the targets are {text}" + (f", not {before}" if len(before) <= MOST_SHOWN else ""), distance
    clauses = [f"lack {' and '.join(missing)}"] * bool(missing) + [f"also have {' and '.join(more)}"] * bool(more)
    return f"the targets {' and '.join(clauses)}", distance
