"""The optimizers: what each keeps of every trained tensor, and what it allocates while it steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from math import prod
from typing import NamedTuple

from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.tape import Tape

FLOAT32 = 4
# bitsandbytes keeps the states of smaller tensors in float32, and pages those of this size and larger.
SMALLEST_8_BITS, SMALLEST_PAGED = 4096, 100_000


class Trained(NamedTuple):
    """A tensor that is trained: its shape, the bytes of a value, and whether it is the weight of an Embedding.

    One that the pass does not reach has no gradient, and so no states.
    """

    shape: tuple[int, ...]
    width: int
    of_embedding: bool = False
    reached: bool = True

    @property
    def numel(self) -> int:
        """The number of values."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """The bytes of all values."""
        return self.numel * self.width


def no_temporaries(tape: Tape, trained: Sequence[Trained]) -> None:
    """Allocate nothing."""


def nothing(_: Sequence[Trained]) -> Iterator[int]:
    """Yield nothing."""
    yield from ()


class Optimizer(NamedTuple):
    """The bytes of each state that is kept of what is trained, and how a step allocates temporaries on a tape.

    Those of `paged` states are in unified memory, which PyTorch's allocator does not count: the driver does while they are
    on the card.
    """

    states: Callable[[Sequence[Trained]], Iterator[int]]
    step: Callable[[Tape, Sequence[Trained]], None] = no_temporaries
    paged: Callable[[Sequence[Trained]], Iterator[int]] = nothing


def clip(tape: Tape, trained: Sequence[Trained]) -> None:
    """Clip the gradients by their norm, as `Trainer` does (`torch.nn.utils.clip_grad_norm_`)."""
    widths = [each.width for each in trained]
    norms = [Storage(tape, width) for width in widths]
    stacked = Storage(tape, sum(widths))
    norm = Storage(tape, FLOAT32)
    del norms, stacked
    coefficients = [Storage(tape, FLOAT32) for _ in range(2)]
    del norm, coefficients


def _moments(trained: Sequence[Trained]) -> Iterator[int]:
    """Yield two states as large as each tensor."""
    for each in trained:
        yield from (each.bytes, each.bytes)


def _fused(trained: Sequence[Trained]) -> Iterator[int]:
    """Yield two moments; the fused variant of AdamW counts its steps on the device too (`torch.optim.adam._init_group`)."""
    yield from _moments(trained)
    yield from (FLOAT32 for _ in trained)


def _foreach(tape: Tape, trained: Sequence[Trained]) -> None:
    """Take the root of every second moment at once (`torch.optim.adam._multi_tensor_adam`)."""
    roots = [Storage(tape, each.bytes) for each in trained]
    del roots


# --- bitsandbytes ------------------------------------------------------------------------------------------------


def _eight_bits(trained: Sequence[Trained], paged_from: int | None = None) -> Iterator[int]:
    """Yield the states of `bitsandbytes.optim.AdamW` with 8 bits (`Optimizer2State.init_state`).

    They take a byte a value, and a float32 for each 256 of them; those of small tensors are in float32, and with
    `Trainer` those of embeddings. Two tables of 256 values are shared. Paged, larger states are left out.
    """
    large = [_is_large(each) for each in trained]
    for each in trained:
        if paged_from is None or each.numel < paged_from:
            yield from _both_states(each)
    for each in compress(trained, large):
        yield from (-(-each.numel // 256) * FLOAT32,) * 2
    if any(large):
        yield from (256 * FLOAT32,) * 2


def _is_large(each: Trained) -> bool:
    return each.numel >= SMALLEST_8_BITS and not each.of_embedding


def _both_states(each: Trained) -> tuple[int, int]:
    size = each.numel * (1 if _is_large(each) else FLOAT32)
    return size, size


def _unpaged_eight_bits(trained: Sequence[Trained]) -> Iterator[int]:
    return _eight_bits(trained, SMALLEST_PAGED)


def _paged_eight_bits(trained: Sequence[Trained]) -> Iterator[int]:
    for each in trained:
        if each.numel >= SMALLEST_PAGED:
            yield from _both_states(each)


# --- Adafactor -----------------------------------------------------------------------------------------------------


def _factored(trained: Sequence[Trained]) -> Iterator[int]:
    """Yield the rows and columns of the second moments, and the root of the mean square of each weight."""
    for each in trained:
        yield from (size * FLOAT32 for size in _factors(each))
        yield FLOAT32


def _factors(each: Trained) -> Sequence[int]:
    if len(each.shape) < 2:
        return (each.numel,)
    return each.numel // each.shape[-1], each.numel // each.shape[-2]


def _adafactor(tape: Tape, trained: Sequence[Trained]) -> None:
    """Update one tensor after the other (`transformers.Adafactor.step`, without the scales of `Trainer`).

    The names are those of that function: what they held of the tensor before is there until it is made anew.
    """
    grad = p_data_fp32 = update = None
    for each in trained:
        whole, is_half = each.numel * FLOAT32, each.width < FLOAT32
        grad = Storage(tape, whole) if is_half else None
        p_data_fp32 = Storage(tape, whole) if is_half else None
        squares = Storage(tape, whole)
        update = Storage(tape, whole)
        del squares
        update = _from_factors(tape, each) if len(each.shape) > 1 else Storage(tape, whole)
        negative = Storage(tape, whole)
        del negative
    del grad, p_data_fp32, update


def _from_factors(tape: Tape, each: Trained) -> Storage:
    """Multiply the roots of rows and columns (`_approx_sq_grad`)."""
    roots = [Storage(tape, size * FLOAT32) for size in _factors(each)]
    whole = Storage(tape, each.numel * FLOAT32)
    del roots
    return whole


OPTIMIZERS: Mapping[str, Optimizer] = {
    "adamw": Optimizer(_fused),
    "adamw-foreach": Optimizer(_moments, _foreach),
    "adamw-8bit": Optimizer(_eight_bits),
    "paged-adamw-8bit": Optimizer(_unpaged_eight_bits, paged=_paged_eight_bits),
    "sgd": Optimizer(nothing),
    "adafactor": Optimizer(_factored, _adafactor),
}
