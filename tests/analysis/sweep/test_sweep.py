"""Sweeps: the batches of arrays are the counts, bit for bit, and a grid costs no memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path

import numpy as np
import pytest
from draws import examples
from endings import ends
from hypothesis import given, settings
from hypothesis import strategies as st
from small_llama import narrow

from lora_cli import Count, InvalidInput, Sweep, count, read_model, sweep
from lora_cli.analysis.count.plain_lora import FIELDS
from lora_cli.analysis.sweep.axes import Axes
from lora_cli.analysis.sweep.batches import FIRST_POINTS, POINTS, ArrayRows, GridBatches
from lora_cli.analysis.sweep.matrix_grid import FEW_POINTS, MatrixGrid
from lora_cli.analysis.sweep.model_grid import FIELDS as MODEL_FIELDS
from lora_cli.analysis.sweep.sweep import PRINTED_ROWS, SHOWN_ROWS
from lora_cli.models import MAX_DIMENSION
from lora_cli.output.report import rows_text
from lora_cli.quantities import Value

SIZES = st.integers(1, 40) | st.integers(1, 20_000)
LISTS = st.lists(SIZES, min_size=1, max_size=5)
RANGES = st.builds(lambda start, points, step: range(start, start + points * step, step), SIZES, SIZES, SIZES).map(
    lambda points: points[:7]
)
BACKWARDS = RANGES.map(lambda points: points[::-1])
AXES = LISTS | LISTS.map(tuple) | RANGES | BACKWARDS | SIZES
EVERYTHING = range(1, MAX_DIMENSION + 1)


def axes_of(grid: Sweep) -> Axes:
    """Return the axes of a grid of one method."""
    (part,) = grid._grids
    assert isinstance(part, MatrixGrid)
    return part.axes


def rows(grid: Sweep) -> list[tuple[Value, ...]]:
    """Return all records of a grid, from its batches of arrays, few as its points may be."""
    return [tuple(row) for batch in GridBatches(axes_of(grid)) for row in batch]


def counted(grid: Sweep) -> list[tuple[Value, ...]]:
    """Return all records of a grid, a count at a time."""
    return [tuple(cost.record().values()) for cost in grid]


def assert_same(batched: list[tuple[Value, ...]], single: list[tuple[Value, ...]]) -> None:
    """Compare values and their types: an int is not a float, and no NumPy scalar gets out."""
    assert batched == single
    assert [list(map(type, row)) for row in batched] == [list(map(type, row)) for row in single]


@given(AXES, AXES, AXES)
def test_batches_are_the_counts_bit_for_bit(d: int | Sequence[int], h: int | Sequence[int], r: int) -> None:
    """Lists with repeats, ranges with steps, backwards ranges and single values, in the order given."""
    grid = sweep(d, h, r)
    assert_same(rows(grid), counted(grid))
    assert len(rows(grid)) == grid.size


@given(AXES, AXES)
def test_square_batches_are_the_counts_bit_for_bit(d: int | Sequence[int], r: int | Sequence[int]) -> None:
    """In a square grid h is d."""
    grid = sweep(d, r=r, square=True)
    assert_same(rows(grid), counted(grid))
    assert all(row[FIELDS.index("d")] == row[FIELDS.index("h")] for row in rows(grid))


@given(LISTS, LISTS, LISTS)
def test_the_last_axis_runs_fastest(d: list[int], h: list[int], r: list[int]) -> None:
    """The points come as nested loops over d, h and r would give them."""
    assert [(cost.d, cost.h, cost.r) for cost in sweep(d, h, r)] == list(product(d, h, r))


@settings(max_examples=examples(30))
@given(st.lists(st.integers(2**24, MAX_DIMENSION), min_size=2, max_size=3), st.integers(1, MAX_DIMENSION))
def test_grids_past_exact_doubles_are_counted_in_python_integers(sizes: list[int], r: int) -> None:
    """Where a figure leaves 2⁵³ the rows are still the counts, every digit of them."""
    grid = sweep([1, *sizes, MAX_DIMENSION], sizes, [1, r, MAX_DIMENSION])
    assert_same(rows(grid), counted(grid))


@settings(max_examples=examples(30))
@given(*[st.lists(st.integers(2**18, 2**26), min_size=3, max_size=5)] * 3)
def test_percentages_past_exact_doubles_are_counted_in_python_integers(
    d: list[int], h: list[int], r: list[int]
) -> None:
    """A hundred times a count leaves 2⁵³ before the count does, and the percentages are still the counts'."""
    grid = sweep(d, h, r)
    assert_same(rows(grid), counted(grid))


@pytest.mark.parametrize("size", [2**23, 9_490_000, 94_906_265, 94_906_266, 94_906_267, 2**26 + 1, MAX_DIMENSION])
def test_the_edge_of_exact_doubles_is_not_seen(size: int) -> None:
    """Around the sizes where a figure reaches 2⁵³ the rows are the counts."""
    grid = sweep(range(size - 3, size + 1), range(size - 3, size + 1), [1, 2, 3])
    assert_same(rows(grid), counted(grid))


@pytest.mark.parametrize(
    "grid",
    [
        sweep(range(1, 30), range(3, 900, 7), range(1, 9)),
        sweep(7, 5, range(1, 3 * POINTS + 2)),
        sweep(range(1, 2 * POINTS + 1), r=3, square=True),
        pytest.param(sweep([5, 3, 5], range(1, POINTS), [4, 4]), marks=pytest.mark.long),
        sweep(1, 1, range(1, POINTS + 1)),
        sweep(1, 1, range(1, POINTS + 2)),
    ],
    ids=["three axes", "one long axis", "square", "repeats", "one batch", "one batch and a point"],
)
def test_grids_of_several_batches_are_the_counts_in_order(grid: Sweep) -> None:
    """Where a batch ends, in the middle of any axis, no point is lost, doubled or moved."""
    assert_same(rows(grid), counted(grid))
    sizes = [len(list(batch)) for batch in grid.batches()]
    doubled = [min(FIRST_POINTS * 2**batch, POINTS) for batch in range(len(sizes))]
    assert sizes[:-1] == doubled[:-1]
    assert 0 < sizes[-1] <= doubled[-1]


@pytest.mark.parametrize("points", [1, FEW_POINTS, FEW_POINTS + 1])
def test_few_points_are_counted_without_arrays(points: int) -> None:
    """They are the same records."""
    grid = sweep(7, 5, range(1, points + 1))
    batches = list(grid.batches())
    assert isinstance(batches[0], ArrayRows) == (points > FEW_POINTS)
    assert_same([tuple(row) for batch in batches for row in batch], counted(grid))


@given(AXES, AXES, AXES)
def test_a_batchs_own_text_is_what_its_rows_would_give(d: int, h: int, r: int) -> None:
    """The matrices of characters hold what `str` writes of each value, between the pieces."""
    pieces = ["<", *["; "] * (len(FIELDS) - 1), ">\n"]
    for batch in GridBatches(axes_of(sweep(d, h, r))):
        assert isinstance(batch, ArrayRows)
        assert rows_text(batch, pieces, str) == rows_text(list(batch), pieces, str)


def test_a_batch_may_begin_and_end_with_a_shared_value() -> None:
    """A value that all rows share is written as the format writes it, wherever it stands."""
    batch = ArrayRows(["a", np.array([1, 2]), None, np.array([0.5, 1e22]), True], 2)
    assert list(batch) == [("a", 1, None, 0.5, True), ("a", 2, None, 1e22, True)]
    assert batch.text(["[", ",", ",", ",", ",", "]"], repr) == "['a',1,None,0.5,True]['a',2,None,1e+22,True]"


@pytest.mark.parametrize("lengths", [(5,), (1, 4), (4, 1), (1, 1, 1, 1, 1), (2, 1, 2), (3, 3, 3)])
def test_runs_of_equal_values_are_written_as_often_as_they_stand(lengths: tuple[int, ...]) -> None:
    """Whether a value is written once and repeated, or each time, does not show."""
    values = np.repeat([-1.0, 0.5, -1.0, 1e22, 2.0][: len(lengths)], lengths)
    batch = ArrayRows([values, np.abs(values[::-1]).clip(0, 9).astype(np.int64)], len(values))
    assert batch.text(["", " ", "\n"], repr) == rows_text(list(batch), ["", " ", "\n"], repr)


def test_many_batches_on_several_cores_are_the_rows_in_order() -> None:
    """The text of a grid of several batches, in which outer values run on from batch to batch, is that of its rows."""
    pieces = ["", *[","] * (len(FIELDS) - 1), "\n"]
    grid = GridBatches(axes_of(sweep(range(1, 9), range(1, 3000, 7), range(1, 12))))
    rows = "".join(rows_text(list(batch), pieces, str) for batch in grid)
    assert "".join(grid.map(lambda batch: rows_text(batch, pieces, str))) == rows


@pytest.mark.parametrize("axes", [(EVERYTHING, EVERYTHING, EVERYTHING), (range(1, 10**6), range(1, 10**6), [1])])
def test_an_endless_grid_gives_its_first_batch_at_once(axes: tuple[Sequence[int], ...]) -> None:
    """A grid of 10¹² points and more is neither listed nor walked before its first points come."""
    with ends():
        grid = sweep(*axes)
        first = list(next(iter(grid.batches())))
    assert grid.size > 10**11
    assert len(first) == FIRST_POINTS
    assert_same([tuple(first[0])], [tuple(count(1, 1, 1).record().values())])


def test_the_last_points_of_an_endless_grid_are_right() -> None:
    """Places past 64 bits are found without overflow."""
    from lora_cli.analysis.sweep.batches import _points

    grid = sweep(EVERYTHING, EVERYTHING, EVERYTHING)
    assert grid.size == MAX_DIMENSION**3 > 2**64
    d, h, r = _points(axes_of(grid), grid.size - 2, grid.size)
    assert (d.tolist(), h.tolist(), r.tolist()) == (
        [MAX_DIMENSION] * 2,
        [MAX_DIMENSION] * 2,
        [MAX_DIMENSION - 1, MAX_DIMENSION],
    )


def test_memory_does_not_grow_with_the_grid() -> None:
    """Thirty batches, read after the ten in which batches grow, peak no higher than those."""
    batches = iter(sweep(EVERYTHING, EVERYTHING[:1000], [8, 16]).batches())
    # What is imported for the first one is no batch.
    list(next(batches))

    def peak(count: int) -> int:
        tracemalloc.reset_peak()
        for batch in islice(batches, count):
            list(batch)
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    ten, thirty = peak(10), peak(30)
    tracemalloc.stop()
    assert thirty < 1.2 * ten


def test_an_axis_that_is_left_out_is_refused() -> None:
    """There is no rank that a user would expect without giving one."""
    with pytest.raises(InvalidInput, match="r is missing"):
        sweep(8, 8)


def test_a_model_without_ranks_has_pefts_default() -> None:
    """As in `count`, each method its own, which the rows say."""
    grid = sweep(model="gpt2", method=["lora", "ia3", "vera"])
    assert [row.r for row in grid] == [count(model="gpt2", method=name).r for name in ("lora", "ia3", "vera")]
    assert grid.title == ("3 methods on gpt2", "default targets")


def test_a_sweep_can_be_read_again() -> None:
    """Batches are made anew each time they are asked for."""
    grid = sweep([6, 8], 8, [1, 2])
    assert rows(grid) == rows(grid) == counted(grid)


@pytest.mark.parametrize("empty", [[], (), range(0), range(5, 5)])
def test_an_empty_axis_is_refused(empty: Sequence[int]) -> None:
    """A grid of no points is a mistake, and the axis is named."""
    for name, axes in (("d", (empty, 8, 1)), ("h", (8, empty, 1)), ("r", (8, 8, empty))):
        with pytest.raises(InvalidInput, match=rf"^{name}: the axis is empty"):
            sweep(*axes)


@pytest.mark.parametrize(
    "wrong",
    [0, 4.0, True, np.True_, "4.0", [4, 0], [4.0], range(3), range(4, -1, -2), range(1, 2**31 + 1), [True], ["4"]],
)
def test_an_axis_with_a_value_that_is_no_size_is_refused(wrong: int | Sequence[int]) -> None:
    """Each value of a list and both ends of a range are checked before any point is counted."""
    with pytest.raises(InvalidInput, match=r"^r: "):
        sweep(8, 8, wrong)


def test_square_and_h_exclude_each_other() -> None:
    """With square, h is not given; without, it must be."""
    with pytest.raises(InvalidInput, match="square"):
        sweep(8, 8, 1, square=True)
    with pytest.raises(InvalidInput, match="square"):
        sweep(8, r=1)


def test_an_unknown_method_is_refused() -> None:
    """A grid of a method that is not known has no first batch."""
    with pytest.raises(InvalidInput, match="'nothing' is not known"):
        next(iter(sweep(8, 8, 1, method="nothing").batches()))
    with pytest.raises(InvalidInput, match="'nothing' is not known"):
        count(8, 8, 1, "nothing")


def test_numpys_integers_and_arrays_are_axes() -> None:
    """What comes out is Python's numbers all the same."""
    grid = sweep(np.int64(8), np.arange(4, 9, 2), [np.uint8(2)])
    assert_same(rows(grid), counted(sweep(8, [4, 6, 8], 2)))
    assert_same(counted(grid), counted(sweep(8, [4, 6, 8], 2)))


def test_a_sweep_gives_counts() -> None:
    """Each point is what `count` returns, with its warnings, and can be read again."""
    grid = sweep([4, 8], 8, [1, 8])
    assert list(grid) == list(grid) == [count(d, 8, r) for d in (4, 8) for r in (1, 8)]
    assert {type(point) for point in grid} == {Count}
    assert [point.warnings for point in grid] == [count(d, 8, r).warnings for d in (4, 8) for r in (1, 8)]
    assert (grid.size, grid.fields, grid.warnings) == (4, FIELDS, ())


def test_a_sweep_over_methods_gives_each_methods_counts() -> None:
    """A method without a rank is counted once in place of each rank, and a setting goes to those that have it."""
    settings = {"block_size": 2}
    grid = sweep(8, 8, [1, 2], method=["lora", "vera", "c3a"], settings=settings)
    assert list(grid) == [
        *(count(8, 8, r) for r in (1, 2)),
        *(count(8, 8, r, "vera") for r in (1, 2)),
        count(8, 8, method="c3a", settings=settings),
    ]
    assert grid.size == 5
    assert [tuple(row) for batch in grid.batches() for row in batch] == counted(grid)


def test_a_sweep_of_a_method_without_a_rank_needs_none() -> None:
    """There is nothing to give."""
    assert list(sweep([8, 16], 8, method="ia3")) == [count(d, 8, method="ia3") for d in (8, 16)]


def test_a_sweep_over_models_targets_methods_and_ranks() -> None:
    """The rank runs fastest, then the method, the targets and the model; a row has the figures of its count."""
    models, targets = ["gpt2", read_model("llama-3.2-1b")], ["all-linear", ["c_attn", "q_proj"]]
    grid = sweep(model=models, target=targets, method=["lora", "dora"], r=[2, 4])
    assert grid.fields == MODEL_FIELDS
    assert grid.size == len(grid) == len(list(grid)) == 16
    points = product(models, targets, ["lora", "dora"], [2, 4])
    for point, (model, target, method, r) in zip(grid, points, strict=True):
        alone = count(model=model, target=target, method=method, r=r)
        assert type(point) is Count
        assert (point.model, point.method, point.r) == (alone.model, method, r)
        assert point.target == (target if isinstance(target, str) else "c_attn,q_proj")
        assert point == alone.record() | {"target": point.target}
    assert [tuple(row) for batch in grid.batches() for row in batch] == counted(grid)


def test_a_default_rank_that_does_not_fit_is_not_counted(tmp_path: Path) -> None:
    """MiSS takes 64 by default, and the model is 16 wide."""
    (tmp_path / "config.json").write_text(json.dumps(narrow()))
    grid = sweep(model=str(tmp_path / "config.json"), target="q_proj", r=[4, 8], method="miss")
    assert grid.warnings == ()
    assert [(cost.r, cost.trainable_params) for cost in grid] == [(4, 128), (8, 256)]


def test_a_sweep_over_models_takes_pefts_targets_where_none_are_given() -> None:
    """They are called default, and what matches nothing is warned of once."""
    (point,) = sweep(model="gpt2", r=8)
    assert (point.target, point.trainable_params) == ("default", count(model="gpt2", r=8).trainable_params)
    grid = sweep(model="gpt2", target=[["c_attn", "no_such_module"]], r=[2, 4])
    assert grid.warnings == count(model="gpt2", target=["c_attn", "no_such_module"], r=2).warnings
    assert len(grid.warnings) == 1


def test_a_sweep_warns_of_the_rows_that_it_shows() -> None:
    """A rank, a model or a target that no row has is nobody's concern."""
    assert "rank 999" in sweep(model="gpt2", r="1:999").warnings[0]
    assert sweep(model="gpt2", r="1:999", limit=2).warnings == ()
    assert sweep(model="gpt2", r="1:999", max_params=1).warnings == ()
    assert "rank 999" in sweep(model="gpt2", r="1:999", sort="-r", limit=1).warnings[0]
    several = {"model": "gpt2", "target": [["c_attn"], ["c_attn", "no_such_module"]], "r": 2, "method": ["ia3", "lora"]}
    assert len(sweep(**several).warnings) == 1
    assert sweep(**several, limit=2).warnings == ()
    assert len(sweep(**several, limit=3).warnings) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"model": "gpt2", "d": 8, "r": 1}, "d, h and square describe one matrix"),
        ({"model": "gpt2", "square": True, "r": 1}, "d, h and square describe one matrix"),
        ({"model": [], "r": 1}, "model: the list is empty"),
        ({"d": 8, "h": 8, "r": 1, "method": []}, "method: the list is empty"),
        ({"model": "gpt2", "target": [], "r": 1}, "target: the list is empty"),
        ({"h": 8, "r": 1}, "d is missing"),
        ({"d": 8, "h": 8, "r": 1, "target": "q_proj"}, "target names modules of a model"),
        ({"d": 8, "h": 8, "r": 1, "settings": {"r": 2}}, "settings: r is an axis of a sweep"),
        ({"d": 8, "h": 8, "r": 1, "settings": {"no_such_field": 2}}, "has no field 'no_such_field'"),
    ],
)
def test_what_no_grid_can_be_made_of_is_refused(wrong: dict[str, object], words: str) -> None:
    """The argument is named as Python spells it, before anything is counted."""
    with pytest.raises(InvalidInput, match=words):
        sweep(**wrong)


@pytest.mark.parametrize(
    "grid",
    [sweep([4, 8], 8, [1, 8]), sweep(model="gpt2", target=["c_attn", "all-linear"], r=[2, 4])],
    ids=["matrices", "models"],
)
def test_a_sweep_goes_into_a_data_frame(grid: Sweep) -> None:
    """The fields are the columns, in their order. pandas is not a dependency, so this runs where it is installed."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(grid)
    assert list(frame.columns) == list(grid.fields)
    assert list(frame["trainable_params"]) == [point.trainable_params for point in grid]


def test_a_sweep_says_what_it_is() -> None:
    """Its repr counts the points and names the fields, and a notebook shows the first rows."""
    grid = sweep(EVERYTHING, EVERYTHING, EVERYTHING)
    assert repr(grid).startswith(f"Sweep({MAX_DIMENSION**3} points of method, d, h, r, ")
    assert grid._repr_html_().count("<tr>") == 1 + SHOWN_ROWS
    assert str(sweep(8, 8, 4, max_params=1)).startswith("Sweep(0 points of method")


@pytest.mark.parametrize(
    "points",
    [
        sweep([4, 8], range(1, 4), "2,4"),
        sweep(range(1, 4), r=[1, 2], square=True, method=["vera", "ia3"]),
        sweep(4, 8, "1:9", sort="-r", limit=4),
        sweep(model=["gpt2", "t5-small"], target=["all-linear", ["q", "c_attn"]], r=[1, 2], method="lora,ia3"),
    ],
)
def test_a_sweep_is_indexed_and_sliced(points: Sweep) -> None:
    """As the list of its points is."""
    listed = list(points)
    assert [points[place] for place in range(len(points))] == listed
    assert (points[-1], points[1:], points[::-2]) == (listed[-1], listed[1:], listed[::-2])
    for outside in (len(listed), -len(listed) - 1):
        with pytest.raises(IndexError):
            points[outside]


def test_a_point_of_a_huge_grid_is_counted_alone() -> None:
    """And so is what `print` shows of it."""
    points = sweep(f"1:{MAX_DIMENSION}", f"1:{MAX_DIMENSION}", "1:64")
    assert points[-1] == count(MAX_DIMENSION, MAX_DIMENSION, 64)
    assert points[70:71] == [count(1, 2, 7)]
    header, *rows, last = str(points).splitlines()
    assert tuple(header.split()) == points.fields
    assert rows[0].split()[:4] == ["lora", "1", "1", "1"]
    assert (len(rows), last) == (PRINTED_ROWS, f"and {points.size - PRINTED_ROWS:,} more")
    assert str(sweep(8, 8, 4)).count("\n") == 1


def test_a_refusal_names_the_model_of_several_that_it_is_about() -> None:
    """Of one model everybody knows; a sentence that has the name already is left as it is."""
    with pytest.raises(InvalidInput, match=r"^'gpt2': target 'transformer\.h\.0' is not a Linear"):
        list(sweep(model=["pythia-70m", "gpt2"], target=[r".*(query_key_value|h\.0)"], r=8))
    with pytest.raises(InvalidInput, match=r"^target 'transformer\.h\.0' is not a Linear"):
        list(sweep(model="gpt2", target=r".*h\.0", r=8))
