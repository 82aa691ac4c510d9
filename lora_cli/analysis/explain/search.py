"""The search for what prints a count: by the number of changes, and no further than the first number that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.explain.base_models import Base, classified, presets, resized
from lora_cli.analysis.explain.belief import Belief
from lora_cli.analysis.explain.candidates import GUESSED, Candidate, Candidates, Wanted
from lora_cli.analysis.explain.counting_ways import COUNTING_WAYS, PEFT_WAY, CountingWay
from lora_cli.analysis.explain.log_formats import few_layers
from lora_cli.analysis.explain.printed_count import Figure, PrintedCount
from lora_cli.models.model import Model

# The changes that are tried together, and the configurations that are counted in full for each number of them.
MOST_CHANGES, MOST_COUNTED = 3, 60
# Clauses that are not of a configuration.
BASE, COUNTING = "base", "counting"


class Found(NamedTuple):
    """A configuration that prints the count, its clauses and kinds of changes, and its count as PEFT makes it."""

    base: Base
    fields: dict[str, object]
    causes: tuple[str, ...]
    kinds: tuple[str, ...]
    distance: int
    cost: ModelCount


def search(belief: Belief, model: Model | None, printed: PrintedCount) -> list[Found]:
    """Return what prints a count with the fewest changes, the likeliest first. Without a `model` it is any preset."""
    own = [] if model is None else [Candidates(belief, model)]
    bases: list[tuple[Base, Candidates]] | None = None
    for changes in range(MOST_CHANGES + 1):
        found = [each for space in own for each in _found(space, printed, changes, Base(space.model))]
        # Another base is a change too, and more work than the others together: it is tried where those only guess.
        if all(GUESSED in each.kinds for each in found) and (model is None or changes):
            if bases is None:
                bases = [
                    (base, Candidates(belief.extended(base.fields), base.model)) for base in _bases(model, printed)
                ]
            left = changes if model is None else changes - 1
            found += [each for base, space in bases for each in _found(space, printed, left, base)]
        if found:
            return sorted(found, key=lambda each: each.distance)
    return []


def _bases(model: Model | None, printed: PrintedCount) -> Iterator[Base]:
    if model is not None:
        yield from resized(model, printed)
        yield from classified(model, printed)
    yield from presets(printed, model)


def _found(space: Candidates, printed: PrintedCount, changes: int, base: Base) -> Iterator[Found]:
    """Yield what prints a count on one base with so many changes."""
    kinds = (BASE,) if base.is_change else ()
    candidates = sorted(_matching(space, printed, changes), key=lambda pair: pair[1].distance)
    for way, candidate in candidates[:MOST_COUNTED]:
        cost = space.belief.count_with(space.model, candidate.fields)
        if cost is not None and _prints(way, cost, printed):
            said = [clause.text for clause in sorted(candidate.causes, key=lambda clause: clause.is_fact)]
            causes = tuple(filter(None, (base.cause, way.cause, *said)))
            of_way = (COUNTING,) if way.cause else ()
            fields = space.belief.with_fields(candidate.fields)
            yield Found(base, fields, causes, (*kinds, *of_way, *candidate.kinds), candidate.distance, cost)


def _matching(space: Candidates, printed: PrintedCount, changes: int) -> Iterator[tuple[CountingWay, Candidate]]:
    """Yield what makes both figures by arithmetic."""
    ways = [PEFT_WAY] if printed.all is None else COUNTING_WAYS
    for divisor in dict.fromkeys(way.trained_divisor for way in ways):
        alike = [way for way in ways if way.trained_divisor == divisor and bool(way.cause) <= changes]
        if not alike:
            continue
        trained = printed.trainable.times(divisor)
        excesses = _excesses(alike, space.model, trained, printed)
        for candidate in space.making(Wanted(trained, changes, excesses, few_layers(printed.format))):
            for way in alike:
                is_level = len(candidate.kinds) + bool(way.cause) == changes
                if is_level and _is_all(way, space.model, candidate.added, printed):
                    yield way, candidate
                    break


def _excesses(ways: Iterable[CountingWay], model: Model, trained: Figure, printed: PrintedCount) -> list[Figure] | None:
    """Return by how much more than it trains an adapter may add to the base; None where nothing says so."""
    if printed.all is None:
        return None
    fitting = [way for way in ways if way.adds_adapter or printed.all.has(way.base(model))]
    if not all(way.adds_adapter for way in fitting):
        return None
    return [printed.all.less(trained).shifted(-way.base(model)) for way in fitting]


def _is_all(way: CountingWay, model: Model, added: int, printed: PrintedCount) -> bool:
    return printed.all is None or printed.all.has(way.all_params(model, added))


def _prints(way: CountingWay, cost: ModelCount, printed: PrintedCount) -> bool:
    """Whether a configuration prints a count."""
    trained = printed.trainable.times(way.trained_divisor)
    added = cost.all_params - cost.full_params
    return trained.has(cost.trainable_params) and _is_all(way, cost.subject, added, printed)


def families(found: Iterable[Found]) -> list[list[Found]]:
    """Return what was found in families of one kind of change, on one base, the likeliest first in each."""
    groups: dict[object, list[Found]] = {}
    for each in found:
        groups.setdefault((each.base.model.name, each.kinds), []).append(each)
    return list(groups.values())
