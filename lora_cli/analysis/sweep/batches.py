"""Thousands of counts at a time: the same formulas as one count, on int64 arrays.

A grid of a million points is mostly text. A batch writes its own: every column becomes a matrix of
characters with NUL where there is none, the matrices are set side by side, and the NULs dropped.
A value that rows one after the other share, as those of an outer axis, is written once.
The digits are those of `str` and `repr`, so a sweep and a count never differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lora_cli.analysis.computing.cores import cores, on_cores
from lora_cli.analysis.count.plain_lora import plain_figures
from lora_cli.analysis.sweep.axes import Axes
from lora_cli.analysis.sweep.digits import Characters, float_text, integer_text
from lora_cli.quantities import Value

T = TypeVar("T")

Integers = npt.NDArray[np.int64]

FIRST_POINTS, POINTS = 128, 16384
# Every worker holds a batch and its text; more of them wait for the interpreter's lock.
MOST_WORKERS = 4
# glibc hands a batch's memory back to the system and asks for it again for the next one, page by page, until it has
# once freed a block of this size. Nothing is written to the block, so it takes no memory.
KEPT_BYTES = 2**24
# Quotients of integers below 2**53 are the same correctly rounded doubles in NumPy and in Python.
EXACT = 2**53


@dataclass(frozen=True, slots=True)
class ArrayRows:
    """A batch of records as columns: arrays, or one value that all rows share."""

    columns: Sequence[npt.NDArray[Any] | Value]
    points: int

    def __iter__(self) -> Iterator[Sequence[Value]]:
        """Yield the rows."""
        lists = [
            column.tolist() if isinstance(column, np.ndarray) else [column] * self.points for column in self.columns
        ]
        return zip(*lists, strict=True)

    def text(self, pieces: Sequence[str], cell: Callable[[Value], str]) -> str:
        """Return the rows as text: each value as `cell` writes it, between the `pieces`.

        Numbers are not passed to `cell`: every format writes them as `str` does.
        """
        blocks: list[Characters] = []
        literal = pieces[0]
        for column, piece in zip(self.columns, pieces[1:], strict=True):
            if isinstance(column, np.ndarray):
                blocks += [self._literal(literal), _digits(column)]
                literal = piece
            else:
                literal += cell(column) + piece
        characters = np.concatenate([*blocks, self._literal(literal)], axis=1).ravel()
        return str(characters[characters != 0].data, "ascii")

    def _literal(self, text: str) -> Characters:
        characters = np.frombuffer(text.encode("ascii"), np.uint8)
        return np.broadcast_to(characters, (self.points, len(characters)))


def _digits(column: npt.NDArray[Any]) -> Characters:
    """Return a column as text; what is written is the first of each run of equal values."""
    starts = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
    write = integer_text if column.dtype == np.int64 else float_text
    if 2 * len(starts) > len(column):
        return write(column)
    return np.repeat(write(column[starts]), np.diff(starts, append=len(column)), axis=0)


def _take(axis: Sequence[int], index: Integers) -> Integers:
    if isinstance(axis, range):
        return axis.start + axis.step * index
    return np.asarray(axis, np.int64)[index]


def _points(axes: Axes, start: int, stop: int) -> tuple[Integers, Integers, Integers]:
    """Return the d, h and r of points `start` to `stop` of the grid, the last axis fastest."""
    # The grid may have more points than 64 bits count, so only the offset within it is an array.
    outer, first = divmod(start, len(axes.r))
    inner = first + np.arange(stop - start, dtype=np.int64)
    r = _take(axes.r, inner % len(axes.r))
    outer_offset = inner // len(axes.r)
    if axes.h is None:
        d = _take(axes.d, outer + outer_offset)
        return d, d, r
    outermost, middle = divmod(outer, len(axes.h))
    h_index = middle + outer_offset
    return _take(axes.d, outermost + h_index // len(axes.h)), _take(axes.h, h_index % len(axes.h)), r


def _largest(axis: Sequence[int]) -> int:
    return max(axis[0], axis[-1]) if isinstance(axis, range) else max(axis)


def _fits(axes: Axes) -> bool:
    """Whether every figure of the grid stays exact in arrays: all of them grow with d, h and r."""
    largest = plain_figures(_largest(axes.d), _largest(axes.h or axes.d), _largest(axes.r))
    return all(100 * value < EXACT for value in largest.values() if isinstance(value, int))


class GridBatches:
    """The records of a grid in order, at most `POINTS` at a time."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.fits = _fits(axes)

    def __iter__(self) -> Iterator[Iterable[Sequence[Value]]]:
        """Yield the batches."""
        return starmap(self._batch, self._spans())

    def map(self, function: Callable[[Iterable[Sequence[Value]]], T]) -> Iterator[T]:
        """Yield `function` of each batch, computed on a few cores."""
        np.empty(KEPT_BYTES, np.uint8)
        return on_cores(min(cores(), MOST_WORKERS), lambda span: function(self._batch(*span)), self._spans())

    def _spans(self) -> Iterator[tuple[int, int]]:
        # The first rows come at once, and the batches grow from there.
        stop, points = 0, FIRST_POINTS
        while stop < self.axes.size:
            start, stop = stop, min(stop + points, self.axes.size)
            yield start, stop
            points = min(2 * points, POINTS)

    def _batch(self, start: int, stop: int) -> ArrayRows | list[Sequence[Value]]:
        axes = self.axes
        d, h, r = _points(axes, start, stop)
        if self.fits:
            return ArrayRows(list(plain_figures(d, h, r).values()), stop - start)
        points = zip(d.tolist(), h.tolist(), r.tolist(), strict=True)
        return [tuple(plain_figures(*point).values()) for point in points]
