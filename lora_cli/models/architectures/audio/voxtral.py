"""Voxtral: `transformers.models.voxtral`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, never_tied
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, under
from lora_cli.models.parts.projectors import PROJECTOR, two_linears
from lora_cli.models.parts.towers.whisper_like import inner
from lora_cli.models.registry import hidden_size

TEXT = {
    "vocab_size": 131072,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_hidden_layers": 30,
    "num_key_value_heads": 8,
    "head_dim": 128,
}


def projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `VoxtralMultiModalProjector`, which takes four frames together."""
    h = hidden_size(text)
    return under(PROJECTOR, two_linears(inner(tower), h, h, bias=False))


FAMILY = Composite(
    text=Section(name="text_config", model_type="llama", missing=TEXT, completed=True),
    towers=[Tower("audio_tower", Section(name="audio_config", model_type="voxtral_encoder"), projector)],
).family("voxtral", "Voxtral", tied=never_tied)
