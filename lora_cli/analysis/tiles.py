"""The forward pass in tiles: W is drawn, used and forgotten, on all cores.

Drawing is the expensive part. Each tile has a generator of its own, seeded with the tile's place,
so any core can draw any tile, and every sum runs in an order that the sizes alone decide: the number
of cores changes nothing but the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lora_cli.analysis.forward import MAX_HELD_VALUES, SAMPLE_VALUES, Outcome, Pass, Track
from lora_cli.analysis.parallel import cores, on_cores

Array = npt.NDArray[Any]

# A tile of float32 fits a core's second-level cache; smaller ones pay more for seeds and calls.
TILE_VALUES = 2**18
TILE_ROWS = 1024

STREAMS = {"W": 0, "A": 1, "B": 2, "input": 3}


def _keep(values: Array) -> Array:
    return values


def _round_float16(values: Array) -> Array:
    values[...] = values.astype(np.float16)
    return values


def _round_bfloat16(values: Array) -> Array:
    """Round float32 in place to the nearest bfloat16, ties to even: its upper 16 bits."""
    bits = values.view(np.uint32)
    bits += np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    bits &= np.uint32(0xFFFF0000)
    return values


@dataclass(frozen=True, slots=True)
class Precision:
    """What values are computed in, and how each result is rounded to what they are kept in."""

    compute: type[np.float32 | np.float64]
    round: Callable[[Array], Array]


PRECISIONS = {
    "float64": Precision(np.float64, _keep),
    "float32": Precision(np.float32, _keep),
    "float16": Precision(np.float32, _round_float16),
    "bfloat16": Precision(np.float32, _round_bfloat16),
}


@dataclass(frozen=True, slots=True)
class Strip:
    """What a strip of columns adds to the outcome."""

    plain_square: float
    merged_square: float
    difference_square: float
    difference: float
    plain_sample: tuple[float, ...]
    merged_sample: tuple[float, ...]


def strip_columns(run: Pass) -> int:
    """Return how many columns of W make a strip, whose tiles are drawn one after the other."""
    return min(run.h, TILE_VALUES // min(run.d, TILE_ROWS))


def held_values(run: Pass) -> tuple[int, int]:
    """Return how many values are in memory all the time (A and the input), and more for each worker."""
    columns = strip_columns(run)
    tiles = 2 * min(run.d, TILE_ROWS) * columns
    return run.r * run.d + run.batch * (run.d + run.r), tiles + (run.r + 6 * run.batch) * columns


def workers(run: Pass) -> int:
    """Return how many strips to work on at a time: as many as there are cores, and as fit."""
    always, each = held_values(run)
    return max(1, min(cores(), -(-run.h // strip_columns(run)), (MAX_HELD_VALUES - always) // each))


def draw(run: Pass, name: str, tile: tuple[int, int], fan_in: int, out: Array) -> Array:
    """Fill `out`, which is that tile of a matrix, with normal numbers of variance 1/fan_in."""
    precision = PRECISIONS[run.dtype]
    place = np.random.SeedSequence(run.seed, spawn_key=(STREAMS[name], *tile))
    # SFC64 is NumPy's fastest generator, and its streams need no more than distinct seeds.
    np.random.Generator(np.random.SFC64(place)).standard_normal(out=out, dtype=precision.compute)
    out *= 1 / math.sqrt(fan_in)
    return precision.round(out)


def _strip(run: Pass, x: Array, a: Array, low: Array, column: int) -> Strip:
    """Run the three paths over one strip of W's columns; `low` is x·Aᵀ."""
    compute, rounded = PRECISIONS[run.dtype].compute, PRECISIONS[run.dtype].round
    width = strip_columns(run)
    columns = min(width, run.h - column * width)
    b = np.zeros((run.r, columns), compute)
    if run.init == "random":
        draw(run, "B", (0, column), run.r, b)
    tile, product = np.empty((2, min(TILE_ROWS, run.d), columns), compute)
    plain = np.zeros((run.batch, columns), compute)
    merged = np.zeros((run.batch, columns), compute)
    for row, start in enumerate(range(0, run.d, TILE_ROWS)):
        rows = slice(start, min(start + TILE_ROWS, run.d))
        w = draw(run, "W", (row, column), run.d, tile[: rows.stop - start])
        plain += x[:, rows] @ w
        # As PEFT merges: the product, then its scaling, then the sum, each rounded.
        update = rounded(np.matmul(a[:, rows].T, b, out=product[: rows.stop - start]))
        update *= run.scaling
        w += rounded(update)
        merged += x[:, rows] @ rounded(w)
    rounded(plain)
    rounded(merged)
    # As PEFT runs unmerged: the adapter's output, its scaling, then the sum, each rounded.
    adapted = rounded(low @ b)
    adapted *= run.scaling
    factored = rounded(plain + rounded(adapted))
    difference = np.subtract(merged, factored, dtype=np.float64)
    return Strip(
        plain_square=float(np.square(plain, dtype=np.float64).sum()),
        merged_square=float(np.square(merged, dtype=np.float64).sum()),
        difference_square=float(np.square(difference).sum()),
        difference=float(np.abs(difference).max()),
        plain_sample=tuple(plain[0, :SAMPLE_VALUES].tolist()),
        merged_sample=tuple(merged[0, :SAMPLE_VALUES].tolist()),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def outcome(run: Pass, track: Track | None = None) -> Outcome:
    """Run the pass strip by strip; `track` sees the strips go by."""
    compute, rounded = PRECISIONS[run.dtype].compute, PRECISIONS[run.dtype].round
    with np.errstate(over="ignore", invalid="ignore"):
        x = draw(run, "input", (0, 0), 1, np.empty((run.batch, run.d), compute))
        a = draw(run, "A", (0, 0), run.d, np.empty((run.r, run.d), compute))
        low = rounded(x @ a.T)

        def strip(column: int) -> Strip:
            with np.errstate(over="ignore", invalid="ignore"):
                return _strip(run, x, a, low, column)

        columns = -(-run.h // strip_columns(run))
        results = on_cores(workers(run), strip, range(columns))
        squares = np.zeros(3)
        largest = 0.0
        plain_sample: tuple[float, ...] = ()
        merged_sample: tuple[float, ...] = ()
        for part in results if track is None else track(results, columns):
            squares += (part.plain_square, part.merged_square, part.difference_square)
            largest = float(np.maximum(largest, part.difference))
            plain_sample = (plain_sample + part.plain_sample)[:SAMPLE_VALUES]
            merged_sample = (merged_sample + part.merged_sample)[:SAMPLE_VALUES]
        plain, merged, difference = np.sqrt(squares).tolist()
    return Outcome(
        output_norm=_known(plain),
        modified_output_norm=_known(merged),
        max_abs_difference=_known(largest),
        relative_difference=_known(difference / merged) if merged else None,
        output_sample=tuple(map(_known, plain_sample)),
        modified_output_sample=tuple(map(_known, merged_sample)),
    )
