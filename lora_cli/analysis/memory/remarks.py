"""What to say beside the figures: what they rest on, and what surprises people."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.limits import card_size_note
from lora_cli.analysis.memory.case import Case
from lora_cli.analysis.memory.replay.static import preparation
from lora_cli.analysis.memory.stored_quantisation import quantisation_note
from lora_cli.analysis.memory.training import ADAPTER_DTYPE
from lora_cli.analysis.memory.verdict import NO, UNMEASURED_CONTEXT, UNMEASURED_SPREAD, YES
from lora_cli.errors import argument
from lora_cli.quantities import memory_text

# A float has no more digits than these.
EXACT_DIGITS = 17
UNMEASURED = f"{1 + UNMEASURED_SPREAD:.2f} times reserved_bytes and {UNMEASURED_CONTEXT // 2**30} GiB"
PREPARATION = "prepare_model_for_kbit_training"


def assumptions(case: Case) -> Iterator[str]:
    """Yield what the figures rest on."""
    training = case.training
    yield "one process on one card; a step is forward, backward, clipping of gradients by their norm, and optimizer"
    yield "PyTorch 2.13, transformers 5.23 and PEFT 0.21 with their defaults; other versions may differ"
    if training.accumulate > 1:
        yield (
            "gradients of the batches before stay while the next one runs, and further batches take no more; the inputs of "
            "other batches of a step, which Trainer also keeps on the card, are not counted"
        )
    if case.setup.model.parts:
        yield "a batch of text without images or sounds: towers only stand in memory, and what is trained of them has no gradient"
    if training.is_quantised and training.kbit_prepare:
        added, _ = preparation(case.setup, training)
        yield f"{PREPARATION} turns what is not quantised into float32: {memory_text(added)} more"
    if not training.has_flash:
        yield "a card before Ampere: memory-efficient attention, with keys and values repeated for all heads"
    elif case.card is None:
        yield "a card of the Ampere generation or a newer one"
    elif case.card.capability is None:
        yield "attention, allocator and workspaces of PyTorch for CUDA; those for ROCm were not compared"
    measured = None if case.card is None else case.card.measured
    if case.room is not None and measured is None:
        yield (
            f"this card was not measured: it fits if {UNMEASURED} for the context fit, {case.footprint.judged:,} bytes"
        )
    if case.card is not None and case.card.size_note is not None:
        yield case.card.size_note
    if measured is not None:
        yield f"{case.card.name if case.card else ''}: reserved bytes were measured within {100 * measured.spread:.0f} % of the replay"


def allowance(case: Case) -> tuple[str, ...]:
    """Return what stands for the band where it is not known, and why, in words."""
    found = case.footprint
    if found.high is not None:
        return ()
    why = "no card is given" if case.room is None else "this card was not measured"
    return (f"allow for {memory_text(found.judged)}, as {why}",)


def misfits(case: Case) -> Iterator[str]:
    """Yield that a training does not fit on the card, or may not, and why."""
    room, found = case.room, case.footprint
    if room is None or case.fits == YES:
        return
    name = argument("vram") if case.card is None else case.card.name
    replayed, model = found.fits(room), case.setup.model
    if replayed == YES:
        yield f"may not fit: what is replayed fits, and more may be taken: {model.unreplayed[0]}"
    elif case.fits != NO and replayed == NO:
        yield f"may not fit: what is replayed does not fit, and less may be taken: {model.overstated[0]}"
    elif replayed == NO:
        taken, free = _apart(found.peak_bytes, room.free)
        yield f"does not fit: the step's tensors take {taken}, and {name} has {free} for them"
    else:
        taken, free = _apart(found.judged, room.free)
        yield f"may not fit: the process may take {taken}, and {name} has {free} for it; the step's tensors alone would fit"


def _apart(first: int, second: int) -> tuple[str, str]:
    """Return two sizes of memory for people, with as many digits as tell them apart.

    >>> _apart(26_100_000_000, 25_757_220_864), _apart(25_757_991_000, 25_757_220_864)
    (('24.3 GiB', '24 GiB'), ('23.989 GiB', '23.988 GiB'))
    """
    digits = next((n for n in range(3, EXACT_DIGITS) if memory_text(first, n) != memory_text(second, n)), EXACT_DIGITS)
    return memory_text(first, digits), memory_text(second, digits)


def notes_of(case: Case) -> Iterator[str]:
    """Yield what surprises people."""
    training, stored = case.training, quantisation_note(case.setup.model)
    if stored is not None:
        yield stored
    if training.is_quantised and training.kbit_prepare:
        added, saved = preparation(case.setup, training)
        if added > saved:
            less = f"saves only {memory_text(saved)}" if saved else "quantises no layer of this model"
            yield (
                f"{PREPARATION} turns what is not quantised into float32, which takes {memory_text(added)} more, and "
                f"{training.quantize} {less}; with {argument('kbit_prepare=False')} it stays in "
                f"{training.dtype}"
            )
    if training.quantize == "int8" and training.checkpointing:
        yield "a base in int8 keeps the input of each layer until the step is done (MatMul8bitLt), also with checkpointing"
    if training.quantize == "int8" and training.adapter_dtype != ADAPTER_DTYPE:
        yield f"PEFT leaves adapters of weights in int8 in float32; {argument('adapter_dtype')} changes nothing there"
    room = case.room
    if room is not None and room.card is None:
        yield from card_size_note("vram", room.bytes)
