"""Rows of a sweep by limits, sorted, and only the first of them: the same from Python and on the command line."""

from __future__ import annotations

from typing import Any

import pytest
from program import run

from lora_cli import InvalidInput, sweep


def ranks(**selection: Any) -> list[int | None]:
    """Return the ranks of the selected rows of a sweep over r 1 to 8."""
    return [count.r for count in sweep(64, 64, range(1, 9), **selection)]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"max_params": 512}, [1, 2, 3, 4]),
        ({"max_percent": 10}, [1, 2, 3]),
        ({"max_params": 1}, []),
        ({"limit": 2}, [1, 2]),
        ({"limit": 100, "sort": "-r"}, [8, 7, 6, 5, 4, 3, 2, 1]),
        ({"sort": "-trainable_params", "limit": 3}, [8, 7, 6]),
        ({"sort": "percent_saved", "max_bytes": 2000}, [3, 2, 1]),
        ({"sort": "method"}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
    ids=str,
)
def test_rows_are_kept_sorted_and_cut(selection: dict[str, Any], expected: list[int]) -> None:
    """First the limits, then the order, then the number of rows; rows that are equal keep their order."""
    assert ranks(**selection) == expected
    grid = sweep(64, 64, range(1, 9), **selection)
    assert (grid.size, len(grid)) == (len(expected), len(expected))
    place = grid.fields.index("r")
    assert [row[place] for batch in grid.batches() for row in batch] == expected


def test_a_value_that_is_not_known_comes_last() -> None:
    """Whichever way the rows are sorted."""
    for sort in ("adapter_bytes", "-adapter_bytes"):
        methods = [count.method for count in sweep(64, 64, 2, method=["adamss", "lora", "hra"], sort=sort)]
        assert methods[-1] == "adamss"


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"sort": "trainable"}, "did you mean trainable_params"),
        ({"sort": ""}, "is not a field of this sweep"),
        ({"sort": "--r"}, "is not a field of this sweep"),
        ({"limit": 0}, "limit: 0 is out of range"),
        ({"limit": 1.5}, "limit: 1.5 is not a whole number"),
        ({"max_params": "many"}, "max_params: 'many' is not a whole number"),
    ],
    ids=str,
)
def test_what_selects_nothing_that_there_is_is_refused(selection: dict[str, Any], message: str) -> None:
    """By the name of the argument."""
    with pytest.raises(InvalidInput, match=message):
        sweep(64, 64, [1, 2], **selection)


def test_rows_that_are_too_many_to_sort_are_refused_at_once() -> None:
    """Unless only some of them are wanted, which are held alone."""
    with pytest.raises(InvalidInput, match="1,000,001 rows are too many to sort; give limit"):
        sweep(8, range(1, 1_000_002), 1, sort="h")
    assert sweep(8, range(1, 1_000_002), 1, limit=3).size == 3


def test_the_command_selects_too() -> None:
    """A field may be called like an option."""
    grid = ("sweep", "-d", "64", "-h", "64", "-r", "1:8", "--field", "r")
    assert run(*grid, "--sort", "-r", "--limit", "2").stdout == "8\n7\n"
    assert run(*grid, "--max-percent", "10", "--sort", "-percent_of_full").stdout == "3\n2\n1\n"
    assert "did you mean r?" in run(*grid, "--sort", "rr").stderr
    assert run(*grid, "--max-params", "1").stdout == ""
