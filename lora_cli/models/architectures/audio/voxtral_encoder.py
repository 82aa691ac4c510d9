"""The audio tower of Voxtral: `transformers.models.voxtral`."""

from __future__ import annotations

from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.towers.whisper_like import tower

FAMILY = Family(
    "voxtral_encoder",
    {"VoxtralEncoder": tower},
    PromptSizes(
        hidden=1280,
        layers=32,
        heads=20,
        hidden_names=("d_model", "hidden_size"),
        layers_names=("encoder_layers", "num_hidden_layers"),
        heads_names=("encoder_attention_heads", "num_attention_heads"),
    ),
)
