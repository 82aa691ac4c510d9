"""Longformer: `transformers.models.longformer`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.architectures.encoders.roberta import FAMILY as ROBERTA
from lora_cli.models.architectures.encoders.roberta import classes
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.encoder import layers_with, projections, sizes, words
from lora_cli.models.parts.layers import Nodes


def _check_windows(config: Config, layers: int) -> None:
    """Refuse windows of attention that are not even, or not as many as the layers."""
    window = config.fields.get("attention_window")
    windows = window if isinstance(window, list) else [512 if window is None else window]
    if not all(type(size) is int and size > 0 and size % 2 == 0 for size in windows):
        raise config.wrong("attention_window", "an even number, or a list of them")
    if isinstance(window, list) and len(window) != layers:
        raise InvalidInput(f"{config.source}: attention_window {quote(window)} has {len(window)} for {layers} layers")


def _body(config: Config) -> Nodes:
    """Build `LongformerModel`, whose global tokens have projections of their own."""
    size = sizes(config)
    _check_windows(config, size.layers)
    own = *projections(size.d), *projections(size.d, ending="_global")
    return [*words(size), *layers_with(size, own)]


FAMILY = Family("longformer", classes("Longformer", _body, prefix="longformer", causal=False), ROBERTA.sizes)
