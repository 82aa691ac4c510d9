"""The settings of a training as a caller gives them, checked, with the defaults that follow from the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, SupportsIndex

from lora_cli.analysis.limits import DEFAULT_SEQ
from lora_cli.analysis.memory.cards import find_card, namesakes
from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.analysis.memory.longest_input import check_length, image_tokens, longest_input
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.stored_quantisation import quantisation
from lora_cli.analysis.memory.training import (
    ADAPTER_DTYPE,
    ATTENTIONS,
    DEFAULT_DTYPE,
    FLASH,
    LOSSES,
    OPTIMIZERS,
    QUANTISATIONS,
    UNQUANTISED,
    WIDTHS,
    Training,
    cast_type,
    several,
)
from lora_cli.dtypes import BY_NAME, full_name
from lora_cli.errors import InvalidInput, argument, choices, is_several, quote, quote_long
from lora_cli.models.matrix import MAX_DIMENSION, dimension, whole_number
from lora_cli.models.model import Model, names_dtype

# The fields of a training, beside those of what is trained.
TRAINED_FIELDS = (
    "batch",
    "seq",
    "dtype",
    "quantize",
    "weights_bytes",
    "adapter_weights_bytes",
    "gradient_bytes",
    "optimizer_bytes",
    "activation_bytes",
    "loss_bytes",
    "temporary_bytes",
    "peak_bytes",
    "peak_phase",
    "reserved_bytes",
    "low_bytes",
    "high_bytes",
    "gpu",
    "gpu_bytes",
    "fits",
    "max_batch",
    "max_seq",
    "flops_per_token",
)


class TrainingArguments(NamedTuple):
    """How a model is trained, and on which card, as a caller says it: see `lora_cli.memory`."""

    batch: SupportsIndex = 1
    seq: SupportsIndex | None = None
    dtype: str | None = None
    quantize: str | None = None
    kbit_prepare: bool | None = None
    checkpointing: bool = True
    attention: str = "sdpa"
    padded: bool = False
    optimizer: str = "adamw"
    autocast: bool = False
    adapter_dtype: str | None = None
    loss: str = "full"
    logits_kept: bool = False
    accumulate: SupportsIndex = 1
    gpu: str | None = None

    @property
    def card(self) -> Card | None:
        """The card, if one is named."""
        return None if self.gpu is None else find_card(self.gpu)

    def training(self, setup: Setup) -> Training:
        """Return the settings of the training of a model."""
        model = setup.model
        if self.attention in FLASH:
            raise InvalidInput(
                f"{argument('attention')}: {self.attention}, which is the package flash-attn, cannot be replayed; give sdpa, "
                "which runs flash attention too where the card has it"
            )
        dtype = _dtype_of(model) if self.dtype is None else _dtype("dtype", self.dtype)
        if is_several(self.quantize):
            raise several("quantize", self.quantize, "quantisation")
        asked = None if self.quantize is None else _choice("quantize", self.quantize, QUANTISATIONS)
        quantize = quantisation(model, asked, dtype)
        if self.kbit_prepare is not None and quantize == UNQUANTISED:
            raise InvalidInput(
                f"{argument('kbit_prepare')} says how a quantised base is trained; give {argument('quantize')} too, or "
                "drop it"
            )
        return Training(
            dimension("batch", self.batch),
            self._seq(setup),
            dtype,
            quantize,
            self.kbit_prepare is None or _switch("kbit_prepare", self.kbit_prepare),
            _switch("checkpointing", self.checkpointing),
            _choice("attention", self.attention, ATTENTIONS),
            _switch("padded", self.padded),
            _choice("optimizer", self.optimizer, OPTIMIZERS),
            cast_type(dtype) if _switch("autocast", self.autocast) else None,
            _dtype("adapter_dtype", self.adapter_dtype or ADAPTER_DTYPE),
            _choice("loss", self.loss, LOSSES),
            _switch("logits_kept", self.logits_kept),
            whole_number("accumulate", self.accumulate, 1, MAX_DIMENSION),
            self.card is None or self.card.has_flash,
            self.card is not None and self.card.prefers_cudnn,
        )

    def _seq(self, setup: Setup) -> int:
        """Return the length of the sequences, which is a model's own if they are of images."""
        model = setup.model
        own = image_tokens(model)
        if self.seq is None:
            seq = own or min(DEFAULT_SEQ, max(longest_input(setup) or DEFAULT_SEQ, 1))
            check_length(setup, seq)
            return seq
        if own not in {None, self.seq}:
            raise InvalidInput(
                f"{argument('seq')}: {self.seq} is not the {own} tokens of an image of {model.name}; leave it out"
            )
        seq = dimension("seq", self.seq)
        check_length(setup, seq)
        return seq

    def doubts(self, setup: Setup) -> Iterator[str]:
        """Yield what to warn of: a length that the model was not made for, or a type that the card does not have."""
        training, longest, card = self.training(setup), longest_input(setup), self.card
        if longest is not None and training.seq > longest:
            yield f"{argument('seq')} {training.seq} is longer than {longest}, the longest input of {setup.model.name}"
        if card is not None and not card.has_flash and "bfloat16" in {training.dtype, training.autocast}:
            yield f"{card.name} has no bfloat16, which PyTorch emulates there; float16 takes as much memory"

    def notes(self, model: Model) -> Iterator[str]:
        """Yield what the figures leave open: which of several cards a name means, what of its memory a process can have, and what is not in the batch."""
        others = [] if self.gpu is None else namesakes(self.gpu)
        if others and self.card is not None:
            also = ", ".join(card.name for card in others)
            yield f"{argument('gpu')} {self.gpu} is taken for {self.card.name}; its other sizes: {also}"
        if self.card is not None and self.card.size_note is not None:
            yield self.card.size_note
        if self.card is not None and self.card.capability is None:
            yield (
                f"{self.card.name} runs PyTorch for ROCm: the figures are those of PyTorch for CUDA, and were never compared "
                "with a measurement on such a card"
            )
        if model.parts:
            yield (
                "images and sounds are not in the batch: the figures are of text, and a training of "
                f"{quote_long(model.name)} on images or sounds takes more memory"
            )


def read_arguments(training: Mapping[str, Any]) -> TrainingArguments:
    """Return the settings that a mapping has; one that is not known raises `InvalidInput`."""
    for name in training:
        if name not in TrainingArguments._fields:
            raise InvalidInput(
                f"{argument('training')}: {quote(name)} is not known; {choices(name, TrainingArguments._fields)}"
            )
    return TrainingArguments(**training)


def _choice(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InvalidInput(f"{argument(name)}: {quote(value)} is not known; {choices(value, known)}")
    return value


def _switch(name: str, value: bool) -> bool:
    """Return a setting that is on or off; a text such as "no" would be on."""
    if not isinstance(value, bool):
        raise InvalidInput(f"{argument(name)}: {quote(value)} is neither True nor False")
    return value


def _dtype(name: str, value: str) -> str:
    return _choice(name, full_name(value), tuple(WIDTHS))


def _dtype_of(model: Model) -> str:
    """Return the type that config.json names, if a model can be trained in it, else bfloat16."""
    named = BY_NAME[model.dtype].torch_name if model.config is not None and names_dtype(model.config) else None
    return named if named in WIDTHS else DEFAULT_DTYPE
