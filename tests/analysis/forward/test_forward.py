"""The forward pass, against the notebook's lines on a W that is put together whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from draws import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_cli import Forward, forward
from lora_cli.analysis.forward import tiled_pass
from lora_cli.analysis.forward.forward import FIELDS
from lora_cli.analysis.forward.run import MAX_SEED, SAMPLE_VALUES, Run
from lora_cli.dtypes import VALUE_TYPES

Matrix = npt.NDArray[np.float64]
T = TypeVar("T")

# What a result of variance 1 may be off: a few units of the precision's last place, summed up.
TOLERANCES = {"float64": 1e-13, "float32": 1e-5, "float16": 1e-2, "bfloat16": 6e-2}
SHAPES = [(6, 8, 2, 1), (1, 1, 1, 1), (100, 3000, 5, 2), (3000, 100, 7, 3), (2048, 1100, 16, 1), (5, 7, 40, 9)]


def assemble(run: Run, name: str, rows: int, columns: int, height: int, width: int, fan_in: int) -> Matrix:
    """Return a whole matrix, drawn tile by tile at the tile's place."""
    compute = tiled_pass.PRECISIONS[run.dtype].compute
    whole = np.empty((rows, columns))
    for i, top in enumerate(range(0, rows, height)):
        for j, left in enumerate(range(0, columns, width)):
            shape = (min(height, rows - top), min(width, columns - left))
            whole[top : top + height, left : left + width] = tiled_pass.draw(
                run, name, (i, j), fan_in, np.empty(shape, compute)
            )
    return whole


def notebook(run: Run) -> tuple[Matrix, Matrix, Matrix]:
    """Return output, merged and factored output as the notebook computes them, in float64 throughout."""
    d, h, r, strip = run.d, run.h, run.r, tiled_pass.strip_columns(run)
    w = assemble(run, "W", d, h, tiled_pass.TILE_ROWS, strip, d)
    a = assemble(run, "A", r, d, r, d, d)
    b = assemble(run, "B", r, h, r, strip, r) if run.init == "random" else np.zeros((r, h))
    x = assemble(run, "input", run.batch, d, run.batch, d, 1)
    output = x @ w
    return output, x @ (w + run.scaling * (a.T @ b)), output + run.scaling * ((x @ a.T) @ b)


@pytest.mark.parametrize("dtype", VALUE_TYPES)
@pytest.mark.parametrize("init", ["random", "zero"])
@pytest.mark.parametrize(("d", "h", "r", "batch"), SHAPES)
def test_the_tiled_pass_is_the_notebooks(d: int, h: int, r: int, batch: int, dtype: str, init: str) -> None:
    """Norms and samples are those of x·W and x·(W + s·AB), with W held whole and in float64."""
    outcome = forward(d, h, r, alpha=1.5 * r, batch=batch, dtype=dtype, init=init, seed=7)
    output, merged, factored = notebook(Run(d, h, r, 1.5 * r, dtype, 7, batch, init))
    off = TOLERANCES[dtype]
    assert np.allclose(merged, factored, atol=1e-12)
    assert outcome.output_norm == pytest.approx(np.linalg.norm(output), rel=off)
    assert outcome.modified_output_norm == pytest.approx(np.linalg.norm(merged), rel=off)
    assert outcome.samples["output"] == pytest.approx(output[0, :SAMPLE_VALUES].tolist(), rel=off, abs=4 * off)
    assert outcome.samples["modified_output"] == pytest.approx(merged[0, :SAMPLE_VALUES].tolist(), rel=off, abs=4 * off)
    assert outcome.samples["merged"] == outcome.samples["modified_output"]
    assert outcome.samples["factored"] == pytest.approx(factored[0, :SAMPLE_VALUES].tolist(), rel=off, abs=4 * off)


@settings(max_examples=examples(50))
@given(*[st.integers(1, 60)] * 4, st.sampled_from(VALUE_TYPES), st.floats(0.1, 4), st.integers(0, MAX_SEED))
def test_merged_equals_factored(d: int, h: int, r: int, batch: int, dtype: str, scaling: float, seed: int) -> None:
    """Both paths give the same to within the precision, for any sizes, scaling and seed."""
    outcome = forward(d, h, r, alpha=scaling * r, batch=batch, dtype=dtype, seed=seed)
    assert outcome.max_abs_difference is not None
    assert outcome.max_abs_difference <= 20 * (1 + scaling) * TOLERANCES[dtype]


def test_half_precision_differs_by_more_than_single_and_single_than_double() -> None:
    """The difference that is shown is the precision's: bfloat16 > float16 > float32 > float64 > 0."""
    found = [forward(300, 300, 8, dtype=dtype).relative_difference for dtype in VALUE_TYPES]
    double, single, half, brain = (value or 0 for value in found)
    assert 0 < double < 1e-12 < single < 1e-5 < half < brain < 0.1


@pytest.mark.parametrize("dtype", VALUE_TYPES)
@pytest.mark.parametrize(("d", "h", "r", "batch"), SHAPES)
def test_a_zero_b_changes_nothing_at_all(d: int, h: int, r: int, batch: int, dtype: str) -> None:
    """As PEFT starts, B is zero: both outputs are the plain one, to the last bit."""
    outcome = forward(d, h, r, alpha=3, batch=batch, dtype=dtype, init="zero")
    assert (outcome.max_abs_difference, outcome.relative_difference) == (0.0, 0.0)
    assert outcome.output_norm == outcome.modified_output_norm
    assert outcome.samples["output"] == outcome.samples["modified_output"]


@pytest.mark.parametrize("dtype", VALUE_TYPES)
def test_a_seed_gives_its_numbers_again_and_another_gives_others(dtype: str) -> None:
    """The outcome is the seed's, up to the largest seed of 64 bits."""
    seeds = (0, 1, 2**32, MAX_SEED)
    outcomes, again = ([forward(20, 30, 4, dtype=dtype, seed=seed) for seed in seeds] for _ in range(2))
    assert outcomes == again
    assert [outcome.samples for outcome in outcomes] == [outcome.samples for outcome in again]
    assert len({outcome.output_norm for outcome in outcomes}) == len(seeds)


@given(*[st.integers(1, 30)] * 4)
def test_multiply_adds_and_shapes_are_those_of_the_products(d: int, h: int, r: int, batch: int) -> None:
    """Each product of an m × k and a k × n matrix is m·k·n multiply-adds, added up from the shapes."""
    run = Run(d, h, r, r, "float32", 0, batch, "random")
    shapes = run.shapes()
    transposed_a, product = shapes["A"][::-1], shapes["AB"]

    def multiply_adds(left: tuple[int, int], right: tuple[int, int]) -> int:
        assert left[1] == right[0]
        return left[0] * left[1] * right[1]

    plain = multiply_adds(shapes["input"], shapes["W"])
    assert run.plain_multiply_adds == plain
    assert run.merged_multiply_adds == multiply_adds(transposed_a, shapes["B"]) + multiply_adds(
        shapes["input"], product
    )
    low = (batch, r)
    assert run.factored_multiply_adds == plain + multiply_adds(shapes["input"], transposed_a) + multiply_adds(
        low, shapes["B"]
    )
    assert shapes["AB"] == shapes["W"] == (d, h)
    assert shapes["output"] == shapes["modified_output"] == (batch, h)


@pytest.mark.parametrize(("h", "samples"), [(1, 1), (3, 3), (4, 4), (5, 4), (3000, 4)])
def test_samples_are_the_first_values_of_the_first_rows(h: int, samples: int) -> None:
    """There are four samples of each output, or as many as the output has."""
    found = forward(4, h, 2, batch=3)
    assert list(found.samples) == ["output", "modified_output", "merged", "factored"]
    assert {len(values) for values in found.samples.values()} == {samples}


def test_a_record_has_all_fields_and_no_numpy_scalars() -> None:
    """The record is plain Python numbers and text, in the order of the fields."""
    record = forward(6, 8, 2, alpha=3).record()
    assert tuple(record) == FIELDS
    assert {type(value) for value in record.values()} == {int, float, str}
    assert (record["alpha"], record["scaling"]) == (3, 1.5)


def test_alpha_defaults_to_the_rank() -> None:
    """Without alpha the scaling is 1."""
    assert forward(6, 8, 2).scaling == 1


def left_range() -> Forward:
    """Return a pass whose modified output is infinite in float16."""
    return forward(6, 8, 2, alpha=1e6, dtype="float16")


def test_what_leaves_the_range_is_unknown_and_warned_of() -> None:
    """Past float16's 65,504 the figures are None, never inf or NaN, and the warning names the dtype."""
    outcome = left_range()
    assert outcome.output_norm is not None
    assert (outcome.modified_output_norm, outcome.max_abs_difference, outcome.relative_difference) == (None, None, None)
    assert None in outcome.samples["modified_output"]
    assert None not in outcome.samples["output"]
    assert any("float16" in warning for warning in left_range().warnings)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_the_same_scaling_stays_in_the_range_of_wider_types(dtype: str) -> None:
    """Only float16 is that narrow, and where nothing is unknown nothing is warned of."""
    found = forward(6, 8, 2, alpha=1e6, dtype=dtype)
    assert None not in found.record().values()
    assert found.warnings == ()


@pytest.mark.parametrize("dtype", VALUE_TYPES)
@pytest.mark.parametrize("alpha", [1e308, 1e-308, 5e-324])
def test_extreme_alphas_give_finite_or_unknown_figures(alpha: float, dtype: str) -> None:
    """No figure is ever inf or NaN, and NumPy does not complain."""
    with np.errstate(all="raise", under="ignore", over="ignore", invalid="ignore"):
        found = forward(6, 8, 2, alpha=alpha, dtype=dtype)
    reals = [value for value in found.record().values() if isinstance(value, float)]
    assert all(map(math.isfinite, reals))
    assert bool(found.warnings) == (None in found.record().values())


def test_track_sees_every_strip_once() -> None:
    """Progress is told the number of strips, and as many go by."""
    seen: list[object] = []
    totals = []

    def track(parts: Iterable[T], total: int) -> Iterator[T]:
        totals.append(total)
        for part in parts:
            seen.append(part)
            yield part

    found = forward(2048, 1100, 4, track=track)
    assert (
        totals
        == [len(seen)]
        == [math.ceil(1100 / tiled_pass.strip_columns(Run(2048, 1100, 4, 4, "float32", 0, 1, "random")))]
    )
    assert (found, found.samples) == (forward(2048, 1100, 4), forward(2048, 1100, 4).samples)


def test_numpys_numbers_are_arguments() -> None:
    """The figures are Python's numbers all the same."""
    found = forward(np.int64(6), np.uint8(8), np.int8(2), alpha=np.float32(3), batch=np.int16(2), seed=np.uint64(5))
    assert found == forward(6, 8, 2, alpha=3, batch=2, seed=5)
    assert {type(value) for value in found.values()} == {int, float, str}
