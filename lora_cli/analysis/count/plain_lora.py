"""LoRA without any variant on one matrix: closed forms, for whole numbers and for arrays of them alike.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section 4.1. This is the question that
is asked most, and it takes neither a config nor a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, overload

from lora_cli.analysis.count.rank_worth import PAST_BREAK_EVEN, PAST_DIMENSION
from lora_cli.analysis.percentages import FIGURES, percent, ratio
from lora_cli.methods.adapter_file.file_size import pair_bytes
from lora_cli.models.matrix import MATRIX_NAME
from lora_cli.quantities import count_text, number_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

# The figures of one matrix, in the order in which they are shown.
FIELDS = ("method", "d", "h", "r", *FIGURES, "break_even_rank", "adapter_bytes")


# One body for both: what is checked of it is checked once for numbers, and once for arrays.
Number = TypeVar("Number", int, "Integers")


@overload
def plain_figures(d: int, h: int, r: int) -> dict[str, str | int | float]: ...
@overload
def plain_figures(d: Integers, h: Integers, r: Integers) -> dict[str, str | Integers | Floats]: ...
def plain_figures(d: Number, h: Number, r: Number) -> object:
    """Return the figures of W (d × h) with A (r × d) and B (r × h) beside it, in the order of `FIELDS`.

    Arrays must be small enough that no product leaves 64 bits; `sweep.batches` sees to that.

    >>> figures = plain_figures(6, 8, 2)
    >>> figures["full_params"], figures["trainable_params"], figures["adapter_bytes"]
    (48, 28, 328)
    """
    full, trained = d * h, r * (d + h)
    figures = (
        "lora",
        d,
        h,
        r,
        full,
        trained,
        full + trained,
        percent(trained, full),
        percent(full - trained, full),
        ratio(full, trained),
        percent(trained, full + trained),
        ratio(full, d + h),
        pair_bytes(MATRIX_NAME, d, h, r),
    )
    return dict(zip(FIELDS, figures, strict=True))


def matrix_rank_problems(d: int, h: int, r: int) -> dict[str, str]:
    """Say what makes a rank of plain LoRA pointless, if anything does, each sentence by the code of the finding.

    >>> matrix_rank_problems(6, 8, 4)["rank-past-break-even"]
    'rank 4 is above the break-even rank 3.42857: A and B hold 56 parameters, W itself holds 48'
    """
    problems = {}
    full, trained = d * h, r * (d + h)
    if trained > full:
        problems[PAST_BREAK_EVEN] = (
            f"rank {r} is above the break-even rank {number_text(ratio(full, d + h))}: "
            f"A and B hold {count_text(trained)} parameters, W itself holds {count_text(full)}"
        )
    if r > min(d, h):
        problems[PAST_DIMENSION] = (
            f"rank {r} is above min(d, h) = {min(d, h)}, and W has no higher rank than that: "
            "the rest of A and B adds parameters and nothing else"
        )
    return problems
