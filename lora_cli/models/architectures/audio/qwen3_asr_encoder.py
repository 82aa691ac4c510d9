"""The audio tower of Qwen3-ASR: `transformers.models.qwen3_asr`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton
from lora_cli.models.parts.towers.qwen3_omni import AUDIO_CONVOLUTION, heard
from lora_cli.models.parts.towers.whisper_like import renamed


def encoder_config(config: Config) -> Config:
    """Return the fields of the tower by their older names, with the defaults that are not Qwen3-Omni's."""
    sizes = {"d_model": 1024, "encoder_layers": 24, "encoder_attention_heads": 16, "encoder_ffn_dim": 4096}
    return renamed(config).with_defaults(**sizes)


def tower(config: Config) -> Skeleton:
    """Build `Qwen3ASREncoder`: that of Qwen3-Omni without what projects its outputs."""
    return Skeleton(heard(encoder_config(config)), embeddings=AUDIO_CONVOLUTION)


FAMILY = Family(
    "qwen3_asr_encoder",
    {"Qwen3ASREncoder": tower},
    PromptSizes(
        hidden=1024,
        layers=24,
        heads=16,
        hidden_names=("hidden_size", "d_model"),
        layers_names=("num_hidden_layers", "encoder_layers"),
        heads_names=("num_attention_heads", "encoder_attention_heads"),
        has_vocabulary=False,
    ),
)
