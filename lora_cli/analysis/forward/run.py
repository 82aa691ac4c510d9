"""A forward pass by its sizes: what it computes, what it holds in memory, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex

from lora_cli.errors import InvalidInput, argument, choices, quote
from lora_cli.models.matrix import whole_number

INITS = ("random", "zero")
# The init of a pass whose W, A and B come from files.
STORED = "stored"
SAMPLE_VALUES = 4
MAX_SEED = 2**64 - 1
# What is held at once (A, the input and a strip of B), and an amount of work that takes hours.
MAX_HELD_VALUES = 2**28
MAX_MULTIPLY_ADDS = 10**15
# A tile of float32 fits the second-level cache of a core; smaller ones pay more for seeds and calls.
TILE_VALUES = 2**18
TILE_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """The sizes, scaling and precision of a pass, and where its numbers come from: a seed, or files (`STORED`)."""

    d: int
    h: int
    r: int
    alpha: float
    dtype: str
    seed: int
    batch: int
    init: str
    own_scaling: float | None = None

    @property
    def scaling(self) -> float:
        """α / r, or what an adapter's config makes of them."""
        return self.alpha / self.r if self.own_scaling is None else self.own_scaling

    @property
    def plain_multiply_adds(self) -> int:
        """x·W: batch·d·h."""
        return self.batch * self.d * self.h

    @property
    def merged_multiply_adds(self) -> int:
        """x·(W + s·AB), AB formed on the way: batch·d·h + r·d·h."""
        return self.plain_multiply_adds + self.r * self.d * self.h

    @property
    def factored_multiply_adds(self) -> int:
        """x·W + s·(x·Aᵀ)·B: batch·(d·h + r·(d + h))."""
        return self.plain_multiply_adds + self.batch * self.r * (self.d + self.h)

    def shapes(self) -> dict[str, tuple[int, int]]:
        """Return the shapes of everything in the pass, rows first."""
        return {
            "W": (self.d, self.h),
            "A": (self.r, self.d),
            "B": (self.r, self.h),
            "AB": (self.d, self.h),
            "input": (self.batch, self.d),
            "output": (self.batch, self.h),
            "modified_output": (self.batch, self.h),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures that a pass gives; one is None where values left the range of the precision.

    The norms are of the plain output x·W and of the modified output x·(W + s·AB). The differences are between that
    merged output and the factored one: the largest of one value, and the norm relative to the modified output's. The
    samples are the first values of the first rows; the modified output is that of the merged path. Of a stored adapter there is also the percentage of its update
    that survives merging, and of W's values that change.
    """

    output_norm: float | None
    modified_output_norm: float | None
    max_abs_difference: float | None
    relative_difference: float | None
    output_sample: tuple[float | None, ...]
    modified_output_sample: tuple[float | None, ...]
    factored_sample: tuple[float | None, ...]
    percent_survived: float | None = None
    percent_changed: float | None = None


def read_seed(seed: SupportsIndex) -> int:
    """Return a seed of the random numbers as an int, or refuse it."""
    return whole_number("seed", seed, 0, MAX_SEED)


def check_choice(name: str, value: str, known: Sequence[str]) -> str:
    """Return a value if it is one of the known ones; `name` is the argument that an error names."""
    if value not in known:
        raise InvalidInput(f"{argument(name)}: {quote(value)} is not known; {choices(value, known)}")
    return value


def strip_columns(run: Run) -> int:
    """Return how many columns of W make a strip, whose tiles are drawn one after the other."""
    return min(run.h, TILE_VALUES // min(run.d, TILE_ROWS))


def held_values(run: Run) -> tuple[int, int]:
    """Return how many values are in memory all the time (A and the input), and how many more for each worker."""
    columns = strip_columns(run)
    # A tensor from a file is held as stored, decoded and transposed; what merging moves is squared in float64.
    tiles = (8 if run.init == STORED else 2) * min(run.d, TILE_ROWS) * columns
    return run.r * run.d + run.batch * (run.d + run.r), tiles + (run.r + 6 * run.batch) * columns


def check_size(run: Run) -> None:
    """Refuse a pass that would take hours, or more memory than there may be."""
    work = run.merged_multiply_adds + run.factored_multiply_adds
    if work > MAX_MULTIPLY_ADDS:
        raise InvalidInput(
            f"forward would take {work:.1e} multiply-adds; the limit is {MAX_MULTIPLY_ADDS:.0e}, so give smaller sizes"
        )
    held = sum(held_values(run))
    if held > MAX_HELD_VALUES:
        raise InvalidInput(
            f"forward would hold {held:,} values of A, the input and a strip of W, B and the outputs at once; "
            f"the limit is {MAX_HELD_VALUES:,}, so give a smaller rank or batch"
        )
