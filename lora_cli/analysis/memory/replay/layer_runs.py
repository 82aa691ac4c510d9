"""Which layers of a body are replayed: layers that repeat are run a few times, however many there are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.models.parts.forward_pass import Body

# Models repeat patterns of at most so many layers.
MAX_PERIOD = 16


def layer_runs(setup: Setup, body: Body) -> list[tuple[range, int]]:
    """Return the layers of a body that are replayed, and for how many of their kind each group stands.

    Layers are equal if their blocks, their adapters and what is trained of them are.
    """
    prefix = f"{setup.prefix}{body.layers}."
    beside: dict[int, list[Hashable]] = {}
    for name, tensors in setup.adapters.items():
        if name.startswith(prefix):
            index, _, rest = name.removeprefix(prefix).partition(".")
            beside.setdefault(int(index), []).append((rest, *(tensor.shape for tensor in tensors)))
    for name in setup.trained_parts:
        if name.startswith(prefix):
            index, _, rest = name.removeprefix(prefix).partition(".")
            beside.setdefault(int(index), []).append(rest)
    return runs([(block, *beside.get(index, ())) for index, block in enumerate(body.blocks)])


def runs(layers: Sequence[Hashable]) -> list[tuple[range, int]]:
    """Return the groups of layers that stand for all of them.

    Of a pattern that repeats, the ends are run as they are and one in between stands for the rest: the first layer gets
    what no other gets, and so may the second, and after the last the loss follows.

    >>> runs("aaaaaaaa")
    [(range(0, 1), 1), (range(1, 2), 1), (range(2, 3), 5), (range(7, 8), 1)]
    >>> runs("abababab")
    [(range(0, 2), 1), (range(2, 4), 2), (range(6, 8), 1)]
    """
    numbers: dict[Hashable, int] = {}
    kinds = [numbers.setdefault(layer, len(numbers)) for layer in layers]
    found: list[tuple[range, int]] = []
    start = 0
    while start < len(kinds):
        spared, period, times = max(
            (_repeats(kinds, start, period) for period in range(1, MAX_PERIOD + 1)), key=lambda each: each[0]
        )
        if spared <= 0:
            found.append((range(start, start + 1), 1))
            start += 1
            continue
        ahead = _ahead(period)
        groups = [*range(ahead + 1), times - 1]
        for group in groups:
            stands_for = times - ahead - 1 if group == ahead else 1
            found.append((range(start + group * period, start + (group + 1) * period), stands_for))
        start += times * period
    return found


def _ahead(period: int) -> int:
    """Return how many groups are run before the one that stands for several."""
    return 2 if period == 1 else 1


def _repeats(kinds: Sequence[int], start: int, period: int) -> tuple[int, int, int]:
    """Return how many layers need not be run if those from `start` on repeat with a period, and how often they do."""
    end = start + period
    while end < len(kinds) and kinds[end] == kinds[end - period]:
        end += 1
    times = (end - start) // period
    return (times - _ahead(period) - 2) * period, period, times
