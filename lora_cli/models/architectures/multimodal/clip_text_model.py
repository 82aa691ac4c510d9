"""The text tower of CLIP: `transformers.models.clip`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.kin.clip import encoder, projection
from lora_cli.models.parts.layers import Nodes, Skeleton, embedding, norm, under

TOKENS = "embeddings.token_embedding"
SIZES = PromptSizes(hidden=512, layers=12, heads=8)

hidden = size("hidden_size", 512)


def body(config: Config) -> Nodes:
    """Build `CLIPTextModel`."""
    d = hidden(config)
    return [
        *embedding(TOKENS, config.size("vocab_size", default=49408), d),
        *embedding("embeddings.position_embedding", config.size("max_position_embeddings", default=77), d),
        *encoder(config, d, heads=8, inner=2048),
        *norm("final_layer_norm", d, bias=True),
    ]


def _bare(config: Config) -> Skeleton:
    return Skeleton(body(config), embeddings=TOKENS)


def _projected(config: Config) -> Skeleton:
    head = projection("text_projection", config, hidden(config))
    return Skeleton([*under("text_model", body(config)), *head], embeddings=f"text_model.{TOKENS}")


FAMILY = Family(
    "clip_text_model",
    {"CLIPTextModel": _bare, "CLIPTextModelWithProjection": _projected},
    SIZES,
)
