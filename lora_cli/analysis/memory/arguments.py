"""The settings of a training, checked, with the defaults that follow from the model."""

from __future__ import annotations

from typing import SupportsIndex

from lora_cli.analysis.memory.cards import Card
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.training import ATTENTIONS, LOSSES, OPTIMIZERS, QUANTISATIONS, WIDTHS, Training
from lora_cli.dtypes import BY_NAME, full_name
from lora_cli.errors import InvalidInput, argument, choices, quote
from lora_cli.models.config import Config
from lora_cli.models.matrix import dimension
from lora_cli.models.model import Model, names_dtype

DEFAULT_SEQ = 2048
DEFAULT_DTYPE = "bfloat16"
# The fields of config.json that bound a model's input.
LONGEST = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "n_ctx")


def read_training(
    setup: Setup,
    card: Card | None,
    *,
    batch: SupportsIndex,
    seq: SupportsIndex | None,
    dtype: str | None,
    quantize: str,
    kbit_prepare: bool,
    checkpointing: bool,
    attention: str,
    padded: bool,
    optimizer: str,
    autocast: bool,
    adapter_dtype: str,
    loss: str,
    logits_kept: bool,
) -> tuple[Training, list[str]]:
    """Return the settings, and what to warn of."""
    if attention == "flash":
        raise InvalidInput(
            f"{argument('attention')}: flash, which is the package flash-attn, has no replay; sdpa runs flash attention "
            "too where the card has it"
        )
    longest = _longest(setup.model)
    length = min(DEFAULT_SEQ, longest or DEFAULT_SEQ) if seq is None else dimension("seq", seq)
    chosen = _dtype("dtype", dtype) if dtype is not None else _dtype_of(setup.model)
    training = Training(
        dimension("batch", batch),
        length,
        chosen,
        _choice("quantize", quantize, QUANTISATIONS),
        kbit_prepare,
        checkpointing,
        _choice("attention", attention, ATTENTIONS),
        padded,
        _choice("optimizer", optimizer, OPTIMIZERS),
        (DEFAULT_DTYPE if chosen == "float32" else chosen) if autocast else None,
        _dtype("adapter_dtype", adapter_dtype),
        _choice("loss", loss, LOSSES),
        logits_kept,
        card is None or card.has_flash,
    )
    doubts = []
    if longest is not None and length > longest:
        doubts.append(f"{argument('seq')} {length} is longer than {longest}, the longest input of {setup.model.name}")
    if card is not None and not card.has_flash and "bfloat16" in {training.dtype, training.autocast}:
        doubts.append(f"{card.name} has no bfloat16, which PyTorch emulates there; float16 takes as much memory")
    return training, doubts


def _choice(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InvalidInput(f"{argument(name)}: {quote(value)} is not known; {choices(value, known)}")
    return value


def _dtype(name: str, value: str) -> str:
    return _choice(name, full_name(value), tuple(WIDTHS))


def _dtype_of(model: Model) -> str:
    """Return the type that config.json names, if a model can be trained in it, else bfloat16."""
    if model.config is None or not names_dtype(model.config):
        return DEFAULT_DTYPE
    named = BY_NAME[model.dtype].torch_name
    return named if named in WIDTHS else DEFAULT_DTYPE


def _longest(model: Model) -> int | None:
    config = Config({}) if model.config is None else model.config
    if config.fields.get("text_config") is not None:
        config = config.section("text_config")
    return next((config.size(name, default=0) for name in LONGEST if config.fields.get(name)), None)
