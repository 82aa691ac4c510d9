"""The search for the last size that holds: right whatever the figures do, and quick where they are a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.analysis.edges import Edge, Load, edge, first_alike

GROWING = st.lists(st.integers(0, 50), min_size=1, max_size=60)


def counted(figure: Callable[[int], float], most: float) -> tuple[Callable[[int], Load], list[int]]:
    """Return what a size loads, and the list of the sizes that were asked for."""
    asked: list[int] = []

    def load(size: int) -> Load:
        asked.append(size)
        return Load(int(figure(size)), ((figure(size), most),))

    return load, asked


@given(GROWING, st.integers(-1, 3000), st.integers(1, 9), st.integers(0, 70))
def test_the_edge_is_where_trying_all_finds_it(steps: Sequence[int], most: int, step: int, refused_from: int) -> None:
    """Whatever grows, is refused from somewhere on, or stays flat: the last that holds, the first that does not."""
    run = range(3, 3 + step * len(steps), step)
    figures = {size: sum(steps[: place + 1]) for place, size in enumerate(run)}
    refused = set(run[refused_from:]) - {run[0]}

    def load(size: int) -> Load | None:
        return None if size in refused else Load(figures[size], ((figures[size], most),))

    held = [size for size in run if size not in refused and figures[size] <= most]
    if not held:
        expected = Edge(None, run[0])
    elif held[-1] != run[-1]:
        expected = Edge(held[-1], run[run.index(held[-1]) + 1])
    else:
        expected = Edge(run[-1], None)
        assert first_alike(run, load) == next(size for size in run if figures[size] == figures[run[-1]])
    assert edge(run, load) == expected


@pytest.mark.parametrize("most", [7, 70, 7_000_000, 7 * 2**31])
def test_a_line_through_0_takes_three_counts(most: int) -> None:
    """The first size, the answer, and its neighbour."""
    load, asked = counted(lambda size: 7 * size, most)
    assert edge(range(1, 2**31), load).inside == min(most // 7, 2**31 - 1)
    assert len(asked) <= 4


@pytest.mark.parametrize("start", [0, 1, 1000, 10**12])
def test_another_line_takes_two_more(start: int) -> None:
    """A constant beside it shows at the second size."""
    load, asked = counted(lambda size: start + 7 * size, start + 7 * 1234)
    assert edge(range(1, 2**31), load) == Edge(1234, 1235)
    assert len(asked) <= 5


@pytest.mark.parametrize("figure", [lambda r: r * (r - 1) / 2 + 2 * r, lambda r: 2**r, lambda r: max(r, 900)])
def test_what_is_no_line_ends_too(figure: Callable[[int], float]) -> None:
    """A square, a power and a bend are found in as many counts as halving takes, and some."""
    load, asked = counted(figure, 1000)
    found = edge(range(1, 1001), load)
    assert found.inside is not None
    assert figure(found.inside) <= 1000
    assert found.outside is None or figure(found.outside) > 1000
    assert len(asked) <= 22


@pytest.mark.parametrize("most", [1e308, 10**42])
def test_a_budget_past_what_floats_hold_is_one(most: float) -> None:
    """The end of the run holds."""
    load, _ = counted(lambda size: 1e-3 * size, most)
    assert edge(range(1, 100), load) == Edge(99, None)


def test_sizes_that_are_counted_first_change_nothing_but_the_number_of_counts() -> None:
    """A good estimate saves counts, and a bad one is corrected."""
    counted: list[int] = []

    def load(size: int) -> Load:
        counted.append(size)
        return Load(0, ((size * size, 1_000_000),))

    run = range(1, 2**31)
    for first in [(), (999,), (1000,), (1200, 900), (5, 2**31 - 2), (2**30, 2**29)]:
        assert edge(run, load, first) == Edge(1000, 1001)
    counted.clear()
    edge(run, load, (999, 1000))
    assert counted == [1000, 1001]
