"""The question "what does merging do to the output?", on random numbers or through a trained adapter.

Merged and unmerged outputs differ in half precision, and users take that for a bug. This shows how much to expect.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, SupportsIndex

from lora_cli.analysis.forward.run import INITS, Outcome, Run, check_choice, check_size, read_seed
from lora_cli.analysis.result import Record, Result
from lora_cli.dtypes import VALUE_TYPES, full_name
from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.models.matrix import dimension
from lora_cli.quantities import real_number

if TYPE_CHECKING:
    from lora_cli.analysis.progress import Track

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
# The fields of a pass through a trained adapter: its module first, no `init`, and what is left of its update.
TRAINED_FIELDS = (
    "module",
    *(field for field in FIELDS[: FIELDS.index("relative_difference") + 1] if field != "init"),
    "percent_survived",
    "percent_changed",
    *FIELDS[FIELDS.index("relative_difference") + 1 :],
)


class Forward(Result):
    """The figures of a forward pass x·W, x·(W + s·AB) and x·W + s·(x·Aᵀ)·B.

    `init` is of a pass on random numbers; `module`, `percent_survived` and `percent_changed` are of a pass through a
    trained adapter. A figure is None where values left the range of `dtype`.
    """

    __slots__ = ("samples", "shapes")

    module: str | None
    d: int
    h: int
    r: int
    alpha: float
    scaling: float
    dtype: str
    seed: int
    batch: int
    init: str | None
    output_norm: float | None
    modified_output_norm: float | None
    max_abs_difference: float | None
    relative_difference: float | None
    percent_survived: float | None
    percent_changed: float | None
    plain_multiply_adds: int
    merged_multiply_adds: int
    factored_multiply_adds: int
    shapes: Mapping[str, tuple[int, int]]
    samples: Mapping[str, tuple[float | None, ...]]

    def __init__(
        self,
        record: Record,
        shapes: Mapping[str, tuple[int, int]],
        samples: Mapping[str, tuple[float | None, ...]],
        warnings: Sequence[str],
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(record, warnings=warnings, notes=notes, shapes=shapes, samples=samples)


def forward(
    d: SupportsIndex | None = None,
    h: SupportsIndex | None = None,
    r: SupportsIndex | None = None,
    *,
    alpha: float | None = None,
    batch: SupportsIndex = 1,
    dtype: str = "float32",
    init: str | None = None,
    seed: SupportsIndex = 0,
    weights: str | None = None,
    adapter: str | None = None,
    module: str | None = None,
    track: Track | None = None,
) -> Forward:
    """Run x·W, x·(W + s·AB) and x·W + s·(x·Aᵀ)·B, s = alpha / r, on random numbers or through a trained adapter.

    On random numbers, all are normal: the input (batch × d) of variance 1, W (d × h) and A (r × d) of 1/d and B (r × h)
    of 1/r, so that every product keeps the scale of its input; `init="zero"` makes B zero, as PEFT starts (the default is
    `"random"`). `alpha` defaults to r. Every intermediate result is rounded to `dtype`; float16 and bfloat16 sum in
    float32, as accelerators do. The numbers depend only on `seed` and the sizes. W is never held whole.

    With `weights` (FILE[:TENSOR], a folder or an index), `adapter` (the folder of a trained adapter, or its name on the Hub) and `module` (its
    name, or an ending that no other has), W, A, B and s are those of that adapter: see `trained_pass`.

    The pass uses every core. In a process that has loaded NumPy with a multi-threaded BLAS it is slower; set
    OPENBLAS_NUM_THREADS=1 before, as `lora-cli forward` does.

    >>> start = forward(d=6, h=8, r=2, init="zero")
    >>> start.max_abs_difference, start.shapes["AB"]
    (0.0, (6, 8))
    """
    files = {"weights": weights, "adapter": adapter, "module": module}
    drawn = {"d": d, "h": h, "r": r, "alpha": alpha, "init": init}
    dtype = check_choice("dtype", full_name(dtype), VALUE_TYPES)
    rows, start = dimension("batch", batch), read_seed(seed)
    if any(path is not None for path in files.values()):
        _refuse_mixture(files, drawn)
        from lora_cli.analysis.forward.trained_pass import trained_pass

        passed = trained_pass(str(weights), str(adapter), str(module), batch=rows, dtype=dtype, seed=start, track=track)
        figures = _figures(TRAINED_FIELDS[1:], passed.run, passed.outcome)
        return _result({"module": passed.module} | figures, passed.run, passed.outcome, passed.warnings(), passed.notes)
    sizes = {"d": d, "h": h, "r": r}
    for name, size in sizes.items():
        if size is None:
            raise InvalidInput(
                f"{argument(name)} is missing; give {_all_of(sizes)} for a pass on random numbers, or {_all_of(files)} "
                "for a trained adapter"
            )
    d_size, h_size, rank = (dimension(name, size) for name, size in sizes.items() if size is not None)
    init = check_choice("init", INITS[0] if init is None else init, INITS)
    run = Run(d_size, h_size, rank, _read_alpha(alpha, rank), dtype, start, rows, init)
    check_size(run)
    # NumPy is loaded here: only a pass that is going to run pays for it.
    from lora_cli.analysis.forward import tiled_pass

    outcome = tiled_pass.outcome(run, tiled_pass.Drawn(run), track)
    warnings = []
    if None in (outcome.output_norm, outcome.relative_difference):
        warnings.append(f"values left the range of {run.dtype}; an infinite figure is shown as unknown")
    return _result(_figures(FIELDS, run, outcome), run, outcome, warnings)


def _figures(fields: Sequence[str], run: Run, outcome: Outcome) -> dict[str, str | int | float | None]:
    return {field: getattr(outcome if hasattr(outcome, field) else run, field) for field in fields}


def _result(record: Record, run: Run, outcome: Outcome, warnings: Sequence[str], notes: Sequence[str] = ()) -> Forward:
    samples = {
        "output": outcome.output_sample,
        "modified_output": outcome.modified_output_sample,
        "merged": outcome.modified_output_sample,
        "factored": outcome.factored_sample,
    }
    return Forward(record, run.shapes(), samples, warnings, notes)


def _all_of(names: Iterable[str]) -> str:
    *first, last = map(argument, names)
    return f"{', '.join(first)} and {last}"


def _read_alpha(alpha: float | None, r: int) -> float:
    if alpha is None:
        return r
    number = real_number(alpha)
    if number is None or not 0 < number <= sys.float_info.max:
        raise InvalidInput(
            f"{argument('alpha')}: {quote(alpha)} gives no usable scaling alpha / r; "
            f"give a finite number above 0, e.g. {r}"
        )
    return number


def _refuse_mixture(files: Mapping[str, object], drawn: Mapping[str, object]) -> None:
    """Refuse a pass that is partly through files and partly on random numbers."""
    paths = " and ".join(argument(name) for name, value in files.items() if value is not None)
    for name, value in drawn.items():
        if value is not None:
            raise InvalidInput(f"{argument(name)} conflicts with {paths}, a pass through files; drop one of them")
    for name, value in files.items():
        if value is None:
            raise InvalidInput(f"{argument(name)} is missing; give {_all_of(files)} together for a trained adapter")
