"""What to say beside the figures: what they rest on, and what surprises people."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.memory.case import Case
from lora_cli.analysis.memory.replay.static import preparation
from lora_cli.analysis.memory.stored_quantisation import quantisation_note
from lora_cli.analysis.memory.training import ADAPTER_DTYPE
from lora_cli.analysis.memory.verdict import NO, UNMEASURED_CONTEXT, UNMEASURED_SPREAD, YES
from lora_cli.errors import argument
from lora_cli.quantities import bytes_apart, bytes_text

PREPARATION = "prepare_model_for_kbit_training"


def assumptions(case: Case) -> Iterator[str]:
    """Yield what the figures rest on."""
    training = case.training
    yield "one process on one card; a step is forward, backward, clipping of gradients by their norm, and optimizer"
    yield "PyTorch 2.13, transformers 5.23 and PEFT 0.21 with their defaults; other versions may differ"
    if case.setup.model.parts:
        yield "a batch of text without images or sounds: towers only stand in memory, and what is trained of them has no gradient"
    if training.is_quantised and training.kbit_prepare:
        added, _ = preparation(case.setup, training)
        yield f"{PREPARATION} turns what is not quantised into float32: {bytes_text(added)} more"
    if not training.has_flash:
        yield "a card before Ampere: memory-efficient attention, with keys and values repeated for all heads"
    elif case.card is None:
        yield "a card of the Ampere generation or a newer one"
    elif case.card.capability is None:
        yield "attention, allocator and workspaces of PyTorch for CUDA; those for ROCm were not compared"
    measured = None if case.card is None else case.card.measured
    if case.room is not None and measured is None:
        yield (
            f"this card was not measured: it fits if {1 + UNMEASURED_SPREAD:.2f} times reserved_bytes and "
            f"{UNMEASURED_CONTEXT // 2**30} GiB for the context fit"
        )
    if measured is not None:
        yield f"{case.card.name if case.card else ''}: reserved bytes were measured within {100 * measured.spread:.0f} % of the replay"


def misfits(case: Case) -> Iterator[str]:
    """Yield that a training does not fit on the card, or may not, and why."""
    room, found = case.room, case.footprint
    if room is None or found.fits(room) == YES:
        return
    name = argument("vram") if case.card is None else case.card.name
    if found.fits(room) == NO:
        taken, free = bytes_apart(found.peak_bytes, room.free)
        yield f"does not fit: the step's tensors take {taken}, and {name} has {free} for them"
    else:
        taken, free = bytes_apart(found.judged, room.free)
        yield f"may not fit: the process may take {taken}, and {name} has {free} for it; the step's tensors alone would fit"


def notes_of(case: Case) -> Iterator[str]:
    """Yield what surprises people."""
    training, stored = case.training, quantisation_note(case.setup.model)
    if stored is not None:
        yield stored
    if training.is_quantised and training.kbit_prepare:
        added, saved = preparation(case.setup, training)
        if added > saved:
            less = f"saves only {bytes_text(saved)}" if saved else "quantises no layer of this model"
            yield (
                f"{PREPARATION} turns what is not quantised into float32, which takes {bytes_text(added)} more, and "
                f"{training.quantize} {less}; with {argument('kbit_prepare=False')} it stays in "
                f"{training.dtype}"
            )
    if training.quantize == "int8" and training.adapter_dtype != ADAPTER_DTYPE:
        yield f"PEFT leaves adapters of weights in int8 in float32; {argument('adapter_dtype')} changes nothing there"
    room = case.room
    if room is not None and room.card is None and room.bytes % 10**9 == 0:
        gigabytes = room.bytes // 10**9
        yield f"{argument('vram')} {gigabytes}GB is {room.bytes:,} bytes; a card sold as {gigabytes} GB has {gigabytes} GiB, some {gigabytes}GiB"
