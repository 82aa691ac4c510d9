"""The tiles: rounding, drawing, and an order of work that no number of cores changes."""

from __future__ import annotations

import math
import os
import threading
import time
import tracemalloc
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lora_cli import forward
from lora_cli.analysis.computing import cores as parallel
from lora_cli.analysis.computing.cores import on_cores
from lora_cli.analysis.forward import tiled_pass
from lora_cli.analysis.forward.run import Run
from lora_cli.dtypes import VALUE_TYPES

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
# The largest finite bfloat16, and half the step above it: from there on the nearest is infinity.
LARGEST_BFLOAT16 = Fraction(2**128 - 2**120)
SMALLEST_STEP = Fraction(1, 2**133)


def nearest_bfloat16(value: float) -> float:
    """Return the bfloat16 nearest to `value`, ties to even, in exact arithmetic.

    A bfloat16 has 8 significant bits, and 2⁻¹³³ between its subnormals.
    """
    size = abs(Fraction(value))
    if not size:
        return value
    exponent = math.frexp(value)[1]
    step = max(Fraction(2) ** (exponent - 8), SMALLEST_STEP)
    # Fractions round halves to even.
    rounded = round(size / step) * step
    return math.copysign(float(rounded) if rounded <= LARGEST_BFLOAT16 else math.inf, value)


def bfloat16(values: list[float]) -> list[float]:
    """Return `values` as the forward pass rounds them."""
    rounded: list[float] = tiled_pass.PRECISIONS["bfloat16"].round(np.array(values, np.float32)).tolist()
    return rounded


@given(st.lists(FINITE, min_size=1, max_size=50))
@example([0.0, -0.0, 3.4028234663852886e38, -3.4028234663852886e38, 1.401298464324817e-45, 1.1754943508222875e-38])
def test_bfloat16_is_the_nearest_ties_to_even(values: list[float]) -> None:
    """Every finite float32 goes to the nearest bfloat16, and past the largest to infinity."""
    assert list(map(repr, bfloat16(values))) == [repr(nearest_bfloat16(value)) for value in values]


@given(st.integers(0, 2**15 - 2**7 - 1))
def test_a_tie_between_bfloat16s_goes_to_the_even_one(upper: int) -> None:
    """Half way between two neighbours the one with an even last bit is taken; a bit less or more decides."""
    bits = np.array([(upper << 16) + 0x8000 + step for step in (-1, 0, 1)], np.uint32)
    found = tiled_pass.PRECISIONS["bfloat16"].round(bits.view(np.float32)).view(np.uint32) >> 16
    assert found.tolist() == [upper, upper + (upper & 1), upper + 1]


def test_infinities_and_nan_stay_what_they_are_in_bfloat16() -> None:
    """What has left the range is still seen to have left it."""
    assert bfloat16([math.inf, -math.inf]) == [math.inf, -math.inf]
    assert math.isnan(bfloat16([math.nan])[0])
    assert math.isnan(bfloat16([-math.nan])[0])


@given(st.lists(st.floats(-65504, 65504, width=32), min_size=1, max_size=50))
def test_float16_is_kept_as_a_float16_would_be(values: list[float]) -> None:
    """Values are held in float32, but are those of float16."""
    rounded = tiled_pass.PRECISIONS["float16"].round(np.array(values, np.float32))
    assert rounded.dtype == np.float32
    assert rounded.tolist() == np.array(values, np.float32).astype(np.float16).tolist()


@pytest.mark.parametrize("dtype", VALUE_TYPES)
def test_a_tile_depends_on_its_seed_name_and_place_alone(dtype: str) -> None:
    """The same tile is drawn again the same; another seed, name or place gives other numbers."""

    def drawn(seed: int = 0, name: str = "W", place: tuple[int, int] = (0, 0)) -> npt.NDArray[np.float64]:
        run = Run(8, 8, 2, 2, dtype, seed, 1, "random")
        return tiled_pass.draw(run, name, place, 8, np.empty((8, 8), tiled_pass.PRECISIONS[dtype].compute))

    assert np.array_equal(drawn(), drawn())
    others = [drawn(seed=1), drawn(name="A"), drawn(name="B"), drawn(name="input"), drawn(place=(0, 1))]
    others.append(drawn(place=(1, 0)))
    assert not any(np.array_equal(drawn(), other) for other in others)


@pytest.mark.parametrize("dtype", VALUE_TYPES)
@pytest.mark.parametrize("fan_in", [1, 100])
def test_drawn_numbers_have_mean_0_and_variance_1_over_fan_in(dtype: str, fan_in: int) -> None:
    """A quarter of a million numbers show it to within five standard errors."""
    run = Run(512, 512, 2, 2, dtype, 3, 1, "random")
    values = tiled_pass.draw(run, "W", (0, 0), fan_in, np.empty((512, 512), tiled_pass.PRECISIONS[dtype].compute))
    scaled = values.astype(np.float64) * math.sqrt(fan_in)
    assert abs(scaled.mean()) < 5 / 512
    assert abs(scaled.var() - 1) < 5 * math.sqrt(2) / 512 + 0.001


def see_cores(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """Let the program see that many cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(cores)), raising=False)


@pytest.mark.parametrize("dtype", VALUE_TYPES)
def test_the_number_of_cores_changes_no_bit(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    """One core and seven give the same outcome, over a dozen strips of several tiles."""
    see_cores(monkeypatch, 1)
    alone = forward(1500, 3000, 4, batch=3, dtype=dtype)
    see_cores(monkeypatch, 7)
    together = forward(1500, 3000, 4, batch=3, dtype=dtype)
    assert (together, together.samples) == (alone, alone.samples)


@pytest.mark.parametrize("cores", [1, 3])
def test_results_come_in_order_from_all_cores_and_few_ahead(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """The first parts take longest and still come first; the parts are read a few ahead and no more."""
    see_cores(monkeypatch, cores)
    started, most_ahead, threads = 0, 0, set()

    def parts() -> object:
        nonlocal started
        for part in range(30):
            started += 1
            yield part

    def slow(part: int) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.005 if part < 5 else 0.001)
        return part

    results = []
    for result in on_cores(parallel.cores(), slow, parts()):
        most_ahead = max(most_ahead, started - len(results))
        results.append(result)
    assert results == list(range(30))
    assert most_ahead <= cores + 1
    assert len(threads) == cores


def test_cores_are_counted_where_there_is_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of Linux the number of processors is taken, and one where even that is not known."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for known in (2, None):
        monkeypatch.setattr(os, "cpu_count", lambda known=known: known)
        assert parallel.cores() == (known or 1)


def test_an_error_in_a_part_is_raised_and_what_was_ahead_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that fails ends the work with its own error."""
    see_cores(monkeypatch, 2)
    with pytest.raises(ZeroDivisionError):
        list(on_cores(2, lambda part: 1 // part, [1, 1, 0, *[1] * 100]))


@pytest.mark.parametrize(("d", "h"), [(2048, 8192), (16384, 1024)])
def test_w_is_never_held_whole(monkeypatch: pytest.MonkeyPatch, d: int, h: int) -> None:
    """The peak of memory is a fraction of W's own, whichever side of it is long."""
    see_cores(monkeypatch, 2)
    tracemalloc.start()
    forward(d, h, 8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < d * h * 4 / 4
