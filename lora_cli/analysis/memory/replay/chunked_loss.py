"""The loss of TRL's `loss_type="chunked_nll"`: of 256 tokens at a time, so that no more scores than theirs exist at once.

`trl.trainer.sft_trainer._chunked_cross_entropy_loss` and `_chunk` of TRL 1.8, where it is SFTTrainer's default: each chunk
is under a checkpoint, in float32, and copies the head's weight into that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lora_cli.analysis.memory.replay.device import INDEX, Device
from lora_cli.analysis.memory.replay.ledger import WEIGHTS, Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    cast,
    clone,
    makes,
    multiply,
    part,
    pointwise,
    record,
)
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.analysis.memory.replay.weights import Weights

CHUNK = 256
# How many chunks are run for themselves before one stands for the rest: what each leaves is alike, and is small beside
# all else, so that an allocator need not see more of them than this.
ALONE, SEEN = 3, 512


def chunked_loss(device: Device, head: str, hidden: Tensor, finish: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the loss of the last hidden states; `finish` is what is done to scores before it."""
    training, own = device.training, device.weights(head)
    tokens = training.batch * (training.seq - 1)
    # The labels moved by one, and the order in which those that count come first.
    kept = [Storage(device.tape, tokens * INDEX) for _ in range(2)]
    ordered = _ordered(device, own, hidden, tokens)
    total = Tensor(Storage(device.tape, FLOAT32), 1, FLOAT32)
    for size, times in _chunks(tokens, ALONE if device.tape.allocator is None else SEEN):
        with device.tape.repeated(times):
            piece = part(ordered, size * own.d)

            def run(piece: Tensor = piece) -> Tensor:
                return _chunk(device, own, piece, finish)

            total = add(total, device.tape.checkpointed(run))
    del kept
    return pointwise(total)


def _chunks(tokens: int, alone: int) -> Iterator[tuple[int, int]]:
    """Yield the sizes of chunks and for how many each stands: those at the ends for themselves, one for all between.

    >>> list(_chunks(1000, 3)), list(_chunks(5000, 3))
    ([(256, 1), (256, 1), (256, 1), (232, 1)], [(256, 1), (256, 1), (256, 16), (256, 1), (136, 1)])
    """
    whole, rest = divmod(tokens, CHUNK)
    between = whole - alone
    yield from [(CHUNK, 1)] * (min(whole, alone) if between <= 0 else alone - 1)
    if between > 0:
        yield from [(CHUNK, between), (CHUNK, 1)]
    if rest:
        yield rest, 1


def _ordered(device: Device, own: Weights, hidden: Tensor, tokens: int) -> Tensor:
    """Leave out each text's last token, and put those first whose labels count."""
    numel = tokens * own.d
    rows = part(hidden, numel)
    if device.training.batch > 1:
        rows = clone(rows)
    index = Tensor(Storage(device.tape, tokens * INDEX), tokens, INDEX)
    return record([rows], numel, rows.width, makes(numel * rows.width), saves=[index])


def _chunk(device: Device, own: Weights, x: Tensor, finish: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the sum of a chunk's losses; the entropy of its scores is worked out as well."""
    scores = finish(device.multiply(cast(x, FLOAT32), _widened(device, own), None, own.d, own.h, of=WEIGHTS))
    size, rows = scores.numel * FLOAT32, x.numel // own.d
    # Autocast copies the scores for as long as this takes.
    logarithms = _log_softmax(device.upper(scores))
    loss = record([logarithms], 1, FLOAT32, makes(size), saves=[logarithms])
    counts = Tensor(Storage(device.tape, rows), rows, 1)
    product = multiply(pointwise(logarithms, saves="output"), logarithms)
    entropy = record([product], rows, FLOAT32, makes(size))
    del product
    entropy = record([pointwise(entropy)], rows, FLOAT32, makes(rows), saves=[counts])
    del entropy
    return loss


def _log_softmax(scores: Tensor) -> Tensor:
    size = scores.numel * scores.width
    return record([scores], scores.numel, scores.width, makes(size), saves_output=True)


def _widened(device: Device, own: Weights) -> Parameter | Tensor:
    """Return the weight of the head in float32."""
    weight = own.weight
    if weight.width == FLOAT32:
        return weight
    size = weight.numel * weight.width if weight.requires_grad else None
    return record([weight], weight.numel, FLOAT32, makes(size), tape=device.tape)
