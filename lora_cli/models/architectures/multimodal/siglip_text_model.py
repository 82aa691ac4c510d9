"""The text tower of SigLIP: `transformers.models.siglip`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.kin.clip import encoder
from lora_cli.models.parts.layers import Skeleton, embedding, linear, norm

TOKENS = "embeddings.token_embedding"
SIZES = PromptSizes(hidden=768, layers=12, heads=12)

hidden = size("hidden_size", 768)


def bare(config: Config) -> Skeleton:
    """Build `SiglipTextModel`, whose head projects to the width that it shares with the images."""
    d = hidden(config)
    nodes = [
        *embedding(TOKENS, config.size("vocab_size", default=32000), d),
        *embedding("embeddings.position_embedding", config.size("max_position_embeddings", default=64), d),
        *encoder(config, d, heads=12, inner=3072, norms_first=True),
        *norm("final_layer_norm", d, bias=True),
        *linear("head", d, config.size("projection_size", default=d), bias=True),
    ]
    return Skeleton(nodes, embeddings=TOKENS)


FAMILY = Family("siglip_text_model", {"SiglipTextModel": bare}, SIZES)
