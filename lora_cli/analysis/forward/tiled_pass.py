"""The forward pass in tiles: W is drawn or read, used and forgotten, on all cores.

Drawing is the expensive part. Each tile has a generator of its own, seeded with the tile's place,
so any core can draw any tile, and every sum runs in an order that the sizes alone decide: the number
of cores changes nothing but the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lora_cli.analysis.computing.cores import cores, on_cores
from lora_cli.analysis.forward.run import (
    MAX_HELD_VALUES,
    SAMPLE_VALUES,
    STORED,
    TILE_ROWS,
    Outcome,
    Run,
    held_values,
    strip_columns,
)
from lora_cli.analysis.progress import Track

Array = npt.NDArray[Any]

STREAMS = {"W": 0, "A": 1, "B": 2, "input": 3}


def _keep(values: Array) -> Array:
    return values


def _round_float16(values: Array) -> Array:
    values[...] = values.astype(np.float16)
    return values


def _round_bfloat16(values: Array) -> Array:
    """Round float32 in place to the nearest bfloat16, ties to even: its upper 16 bits."""
    not_numbers = np.isnan(values)
    bits = values.view(np.uint32)
    bits += np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    bits &= np.uint32(0xFFFF0000)
    # Rounding up carries the largest payloads of NaN into the sign, which leaves a zero.
    values[not_numbers] = np.nan
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

    squares: tuple[float, ...]
    difference: float
    changed: int
    plain_sample: tuple[float, ...]
    merged_sample: tuple[float, ...]
    factored_sample: tuple[float, ...]


class Source(Protocol):
    """Where W, A and B come from, in the precision that the pass computes in; W rounded to its own."""

    def a(self) -> Array:
        """Return A, r × d."""

    def b(self, column: int, columns: slice) -> Array:
        """Return those columns of B, r × h, which are the strip of that number."""

    def w(self, tile: tuple[int, int], rows: slice, columns: slice, out: Array) -> Array:
        """Fill `out` with those rows and columns of W, which are the tile of that place."""


def workers(run: Run) -> int:
    """Return how many strips to work on at a time: as many as there are cores, and as fit."""
    always, each = held_values(run)
    return max(1, min(cores(), -(-run.h // strip_columns(run)), (MAX_HELD_VALUES - always) // each))


def draw(run: Run, name: str, tile: tuple[int, int], fan_in: int, out: Array) -> Array:
    """Fill `out`, which is that tile of a matrix, with normal numbers of variance 1/fan_in."""
    precision = PRECISIONS[run.dtype]
    place = np.random.SeedSequence(run.seed, spawn_key=(STREAMS[name], *tile))
    # SFC64 is NumPy's fastest generator, and its streams need no more than distinct seeds.
    np.random.Generator(np.random.SFC64(place)).standard_normal(out=out, dtype=precision.compute)
    out *= 1 / math.sqrt(fan_in)
    return precision.round(out)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Random numbers; with the pass's `init` zero, B is zero."""

    run: Run

    def a(self) -> Array:
        """Draw A."""
        return draw(self.run, "A", (0, 0), self.run.d, self._empty(self.run.r, self.run.d))

    def b(self, column: int, columns: slice) -> Array:
        """Draw a strip of B."""
        out = self._empty(self.run.r, columns.stop - columns.start)
        if self.run.init == "random":
            return draw(self.run, "B", (0, column), self.run.r, out)
        out.fill(0)
        return out

    def w(self, tile: tuple[int, int], _rows: slice, _columns: slice, out: Array) -> Array:
        """Draw a tile of W."""
        return draw(self.run, "W", tile, self.run.d, out)

    def _empty(self, *shape: int) -> Array:
        return np.empty(shape, PRECISIONS[self.run.dtype].compute)


def _square(values: Array) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _strip(run: Run, source: Source, x: Array, a: Array, low: Array, column: int) -> Strip:
    """Run the three paths over one strip of W's columns; `low` is x·Aᵀ."""
    compute, rounded = PRECISIONS[run.dtype].compute, PRECISIONS[run.dtype].round
    adapter_rounded = _adapter_rounding(run)
    width = strip_columns(run)
    columns = slice(column * width, min((column + 1) * width, run.h))
    b = source.b(column, columns)
    tile, product = np.empty((2, min(TILE_ROWS, run.d), b.shape[1]), compute)
    plain = np.zeros((run.batch, b.shape[1]), compute)
    merged = np.zeros((run.batch, b.shape[1]), compute)
    update_square, lost_square, changed = 0.0, 0.0, 0
    for row, start in enumerate(range(0, run.d, TILE_ROWS)):
        rows = slice(start, min(start + TILE_ROWS, run.d))
        w = source.w((row, column), rows, columns, tile[: rows.stop - start])
        plain += x[:, rows] @ w
        # As PEFT merges: the product, then its scaling, then the sum, each rounded.
        update = adapter_rounded(np.matmul(a[:, rows].T, b, out=product[: rows.stop - start]))
        update *= run.scaling
        adapter_rounded(update)
        before = w.copy() if run.init == STORED else None
        w += update
        merged += x[:, rows] @ rounded(w)
        if before is not None:
            moved = np.subtract(w, before, out=before)
            changed += int(np.count_nonzero(moved))
            moved -= update
            update_square += _square(update)
            lost_square += _square(moved)
    rounded(plain)
    rounded(merged)
    # As PEFT runs unmerged: the adapter's output, its scaling, then the sum, each rounded.
    adapted = adapter_rounded(low @ b)
    adapted *= run.scaling
    factored = rounded(plain + adapter_rounded(adapted))
    difference = np.subtract(merged, factored, dtype=np.float64)
    return Strip(
        squares=(_square(plain), _square(merged), _square(difference), update_square, lost_square),
        difference=float(np.abs(difference).max()),
        changed=changed,
        plain_sample=tuple(plain[0, :SAMPLE_VALUES].tolist()),
        merged_sample=tuple(merged[0, :SAMPLE_VALUES].tolist()),
        factored_sample=tuple(factored[0, :SAMPLE_VALUES].tolist()),
    )


def _strips(run: Run, source: Source, columns: int) -> Iterator[Strip]:
    """Yield the strips in order; drawing A and the input is a part of the first."""
    x = draw(run, "input", (0, 0), 1, np.empty((run.batch, run.d), PRECISIONS[run.dtype].compute))
    a = source.a()
    low = _adapter_rounding(run)(x @ a.T)

    def strip(column: int) -> Strip:
        with np.errstate(over="ignore", invalid="ignore"):
            return _strip(run, source, x, a, low, column)

    yield from on_cores(workers(run), strip, range(columns))


def _adapter_rounding(run: Run) -> Callable[[Array], Array]:
    """Return how the adapter's own results are rounded: PEFT loads a stored one in float32 and runs it in that."""
    return _keep if run.init == STORED else PRECISIONS[run.dtype].round


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _survived(update_square: float, lost_square: float) -> float | None:
    """Return 100 · (1 − lost / update), or None if the update is zero or not finite.

    Rounding goes to the nearest, and W without the update is one of the values to go to, so no value loses
    more than its update. That the sum is formed in float32 first can break a tie otherwise, hence the 0.
    """
    if not (math.isfinite(update_square) and math.isfinite(lost_square) and update_square):
        return None
    return 100 * max(0.0, 1 - lost_square / update_square)


def outcome(run: Run, source: Source, track: Track | None = None) -> Outcome:
    """Run the pass strip by strip; `track` sees the strips go by."""
    columns = -(-run.h // strip_columns(run))
    with np.errstate(over="ignore", invalid="ignore"):
        results = _strips(run, source, columns)
        squares = np.zeros(5)
        largest, changed = 0.0, 0
        plain_sample: tuple[float, ...] = ()
        merged_sample: tuple[float, ...] = ()
        factored_sample: tuple[float, ...] = ()
        for part in results if track is None else track(results, columns):
            squares += part.squares
            changed += part.changed
            largest = float(np.maximum(largest, part.difference))
            plain_sample = (plain_sample + part.plain_sample)[:SAMPLE_VALUES]
            merged_sample = (merged_sample + part.merged_sample)[:SAMPLE_VALUES]
            factored_sample = (factored_sample + part.factored_sample)[:SAMPLE_VALUES]
        plain, merged, difference = np.sqrt(squares[:3]).tolist()
    update_square, lost_square = squares[3:].tolist()
    is_measured = run.init == STORED and math.isfinite(update_square) and math.isfinite(lost_square)
    return Outcome(
        output_norm=_known(plain),
        modified_output_norm=_known(merged),
        max_abs_difference=_known(largest),
        relative_difference=_known(difference / merged) if merged else None,
        output_sample=tuple(map(_known, plain_sample)),
        modified_output_sample=tuple(map(_known, merged_sample)),
        factored_sample=tuple(map(_known, factored_sample)),
        percent_survived=_survived(update_square, lost_square),
        percent_changed=100 * changed / (run.d * run.h) if is_measured else None,
    )
