"""A sample forward pass: what merging an adapter into W costs in a given precision.

Merged and unmerged outputs differ in half precision, and users take it for a bug. This shows how
much to expect, on random numbers of the sizes asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lora_cli.analysis.count.matrix_count import Record
from lora_cli.errors import InvalidInput, quote
from lora_cli.models import matrix
from lora_cli.models.matrix import dimension

DTYPES = ("float64", "float32", "float16", "bfloat16")
INITS = ("random", "zero")
# The init of a pass whose W, A and B come from files.
STORED = "stored"
SAMPLE_VALUES = 4
MAX_SEED = 2**64 - 1
# What is held at once (A, the input and a strip of B), and an amount of work that takes hours.
MAX_HELD_VALUES = 2**28
MAX_MULTIPLY_ADDS = 10**15

FIELDS = (
    "d",
    "h",
    "r",
    "alpha",
    "scaling",
    "dtype",
    "seed",
    "batch",
    "init",
    "output_norm",
    "modified_output_norm",
    "max_abs_difference",
    "relative_difference",
    "plain_multiply_adds",
    "merged_multiply_adds",
    "factored_multiply_adds",
)

T = TypeVar("T")


class Track(Protocol):
    """Wraps the parts of a long piece of work, given their number, to show how far it is."""

    def __call__(self, parts: Iterable[T], total: int, /) -> Iterable[T]:
        """Yield the parts."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What is run: sizes, scaling, precision, and where the random numbers come from."""

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
    """What a pass gave. A figure is None where the precision's range was left.

    The norms are of the plain output x·W and of the modified output x·(W + s·AB); the differences
    are between that merged output and the factored one: the largest of one value, and the norm
    relative to the modified output's. The samples are the first values of the first rows. What share of
    an adapter's update survives merging, and of W's values change, is known of a stored one.
    """

    output_norm: float | None
    modified_output_norm: float | None
    max_abs_difference: float | None
    relative_difference: float | None
    output_sample: tuple[float | None, ...]
    modified_output_sample: tuple[float | None, ...]
    percent_survived: float | None = None
    percent_changed: float | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """A pass and its outcome."""

    run: Pass
    outcome: Outcome

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`."""
        return {field: getattr(self.outcome if hasattr(self.outcome, field) else self.run, field) for field in FIELDS}

    def samples(self) -> dict[str, tuple[float | None, ...]]:
        """Return the first values of both outputs."""
        return {"output": self.outcome.output_sample, "modified_output": self.outcome.modified_output_sample}

    def warnings(self) -> list[str]:
        """Say where the figures end, if they do."""
        if None in (self.outcome.output_norm, self.outcome.relative_difference):
            return [f"values left the range of {self.run.dtype}; what is infinite is given as unknown"]
        return []


def one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    """Return a value that is known, or refuse it."""
    if value not in known:
        raise InvalidInput(f"{name}: {quote(value)} is not known; choose from: {', '.join(known)}")
    return value


def forward(
    d: int,
    h: int,
    r: int,
    *,
    alpha: float | None = None,
    batch: int = 1,
    dtype: str = "float32",
    init: str = "random",
    seed: int = 0,
    track: Track | None = None,
) -> Forward:
    """Run x·W, x·(W + s·AB) and x·W + s·(x·Aᵀ)·B on random numbers, s = alpha / r.

    All four are normal: the input (batch × d) of variance 1, W (d × h) and A (r × d) of 1/d and
    B (r × h) of 1/r, so that every product keeps its input's scale; `init="zero"` makes B zero, as
    PEFT starts. `alpha` defaults to r. Every intermediate result is rounded to `dtype`; float16 and
    bfloat16 sum in float32, as accelerators do. The numbers depend on `seed` and the sizes alone. W
    is never held whole.

    The pass uses every core itself. A process that has loaded NumPy with a multi-threaded BLAS gets
    the same pass, but slower; with OPENBLAS_NUM_THREADS=1 set before, as `lora-cli forward` has it,
    the two do not fight for the cores.

    >>> start = forward(6, 8, 2, init="zero")
    >>> start.outcome.max_abs_difference, start.run.shapes()["AB"]
    (0.0, (6, 8))
    """
    matrix(d, h)
    dimension("r", r)
    dimension("batch", batch)
    alpha = r if alpha is None else alpha
    if not (type(alpha) in {int, float} and 0 < alpha <= sys.float_info.max):
        raise InvalidInput(
            f"alpha: {quote(alpha)} gives no usable scaling alpha / r; give a finite number above 0, such as {r}"
        )
    check_seed(seed)
    run = Pass(d, h, r, alpha, one_of("dtype", dtype, DTYPES), seed, batch, one_of("init", init, INITS))
    check_size(run)
    from lora_cli.analysis.forward import tiles

    return Forward(run, tiles.outcome(run, tiles.Drawn(run), track))


def check_seed(seed: int) -> None:
    """Refuse a seed that is none."""
    if not (type(seed) is int and 0 <= seed <= MAX_SEED):
        raise InvalidInput(f"seed: {quote(seed)} is out of range; give a whole number from 0 to {MAX_SEED}")


def check_size(run: Pass) -> None:
    """Refuse a pass that would take hours, or more memory than there may be."""
    work = run.merged_multiply_adds + run.factored_multiply_adds
    if work > MAX_MULTIPLY_ADDS:
        raise InvalidInput(
            f"forward would take {work:.1e} multiply-adds; the limit is {MAX_MULTIPLY_ADDS:.0e}, so give smaller sizes"
        )
    # NumPy is loaded here: only a forward pass that is going to run pays for it.
    from lora_cli.analysis.forward import tiles

    held = sum(tiles.held_values(run))
    if held > MAX_HELD_VALUES:
        raise InvalidInput(
            f"forward would hold {held:,} values of A, the input and a strip of W, B and the outputs at once; "
            f"the limit is {MAX_HELD_VALUES:,}, so give a smaller rank or batch"
        )
