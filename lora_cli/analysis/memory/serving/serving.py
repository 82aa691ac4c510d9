"""The question "what do adapters take on a server?": what vLLM preallocates for as many as it holds at a time."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import SupportsIndex

from lora_cli.analysis.memory.serving.families import NEVER_FLOAT16
from lora_cli.analysis.memory.serving.served_adapters import Served, read_served
from lora_cli.analysis.memory.serving.slots import slot_of
from lora_cli.analysis.memory.training import WIDTHS
from lora_cli.analysis.result import Result
from lora_cli.dtypes import BY_NAME, full_name
from lora_cli.errors import InvalidInput, argument, choices, quote, quote_long
from lora_cli.models.matrix import whole_number
from lora_cli.models.model import Model, names_dtype

FIELDS = ("model", "dtype", "tp", "slots", "max_rank", "padded_rank", "slot_bytes", "total_bytes", "wasted_bytes")
# `MaxLoRARanks` in `vllm/config/lora.py` (0.33.0), and the default of `max_lora_rank`.
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
DEFAULT_RANK = 16
# The types of vLLM's kernels for LoRA.
DTYPES = ("bfloat16", "float16")
MOST_SLOTS = 100_000
MOST_CARDS = 1024


class Serving(Result):
    """What vLLM preallocates on each card for the adapters that it holds at a time, in bytes.

    A slot has room for `padded_rank` in every module, whatever an adapter has. `wasted_bytes` is what the adapters that
    are named leave unused, None where none is named.
    """

    __slots__ = ()

    model: str
    dtype: str
    tp: int
    slots: int
    max_rank: int
    padded_rank: int
    slot_bytes: int
    total_bytes: int
    wasted_bytes: int | None

    @property
    def title(self) -> tuple[str, ...]:
        """What is asked, in words."""
        cards = () if self.tp == 1 else (f"each of {self.tp} cards",)
        slots = f"{self.slots:,} slot" if self.slots == 1 else f"{self.slots:,} slots"
        return f"Adapters on {self.model} in vLLM", slots, f"rank {self.padded_rank}", self.dtype, *cards

    @property
    def assumptions(self) -> list[str]:
        """What the figures rest on, in sentences."""
        return [
            "vLLM 0.33.0 with its defaults: neither fully_sharded_loras nor lora_target_modules nor experts split by cards",
            "the stacked tensors of all slots on each card, without the base model and the buffers of the kernels",
        ]


def serving(
    model: Model,
    slots: SupportsIndex,
    max_rank: SupportsIndex | None = None,
    tp: SupportsIndex = 1,
    adapters: Sequence[str | PathLike[str]] = (),
    dtype: str | None = None,
) -> Serving:
    """Return what vLLM preallocates for adapters (`max_loras`, `max_lora_rank`, `tensor_parallel_size`).

    >>> from lora_cli.models.sources.read_model import read_model
    >>> serving(read_model("llama-3.1-8b"), 1).total_bytes
    92356608
    """
    count = whole_number("serve", slots, 1, MOST_SLOTS)
    cards = whole_number("tp", tp, 1, MOST_CARDS)
    slot = slot_of(model, cards)
    read = [read_served(model, path, slot) for path in adapters]
    served, warnings = [adapter for adapter, _ in read], [warning for _, said in read for warning in said]
    if len(served) > count:
        raise InvalidInput(
            f"{argument('serve')}: {count} is less than the {len(served)} adapters that are given; give {len(served)}, or "
            "fewer adapters"
        )
    asked = _asked_rank(max_rank, served)
    padded = min(rank for rank in RANKS if rank >= asked)
    name, notes = _dtype(model, dtype)
    width = WIDTHS[name]
    slot_bytes = padded * sum(slot.values()) * width
    wasted = count * slot_bytes - width * sum(adapter.values for adapter in served) if served else None
    figures = (model.name, name, cards, count, asked, padded, slot_bytes, count * slot_bytes, wasted)
    return Serving(dict(zip(FIELDS, figures, strict=True)), warnings=[*model.warnings, *warnings], notes=notes)


def _asked_rank(max_rank: SupportsIndex | None, served: Sequence[Served]) -> int:
    """Return the rank that the slots must have: the given one, or the highest of the adapters, or vLLM's default."""
    highest = max(served, key=lambda adapter: adapter.rank, default=None)
    if max_rank is None:
        asked = DEFAULT_RANK if highest is None else highest.rank
        if highest is not None and asked > RANKS[-1]:
            raise InvalidInput(
                f"{argument('adapter')}: {quote_long(highest.name)} has rank {asked:,}, and vLLM serves ranks up to {RANKS[-1]}"
            )
        return asked
    asked = whole_number("max_rank", max_rank, 1, RANKS[-1])
    if highest is not None and highest.rank > asked:
        raise InvalidInput(
            f"{argument('max_rank')}: vLLM refuses {quote_long(highest.name)}, whose rank {highest.rank} is over {asked}; "
            "give that rank, or drop the adapter"
        )
    return asked


def _dtype(model: Model, dtype: str | None) -> tuple[str, list[str]]:
    """Return the type of the slots, which is that in which the model runs, and what to say about it."""
    named = BY_NAME[model.dtype].torch_name if model.config is not None and names_dtype(model.config) else None
    name = full_name(dtype) if dtype is not None else DTYPES[0] if named not in DTYPES else named
    if name not in DTYPES:
        raise InvalidInput(f"{argument('dtype')}: vLLM's LoRA does not run in {quote(name)}; {choices(name, DTYPES)}")
    if name == "float16" and model.model_type in NEVER_FLOAT16:
        raise InvalidInput(f"{argument('dtype')}: vLLM does not run {model.model_type} in float16; give bfloat16")
    if dtype is None and named not in {None, name}:
        return name, [f"vLLM runs {model.name} in {name}, as it has no LoRA in {named}"]
    return name, []
