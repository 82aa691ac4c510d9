"""The tower of Pixtral: `transformers.models.pixtral`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.image_patches import sides
from lora_cli.models.parts.layers import Skeleton, convolution, hollow, linear, norm, repeat, under

PATCHES = "patch_conv"

hidden = size("hidden_size", 1024)


def tower(config: Config) -> Skeleton:
    """Build `PixtralVisionModel`."""
    d = hidden(config)
    heads = config.size("num_attention_heads", default=16)
    nodes = [
        *convolution(
            PATCHES, config.size("num_channels", default=3), d, *sides(config, "patch_size", default=16), bias=False
        ),
        *norm("ln_pre", d),
        *repeat(
            "transformer.layers",
            config.layers("num_hidden_layers", default=24),
            norm("attention_norm", d),
            under("feed_forward", gated(d, config.size("intermediate_size", default=4096))),
            under("attention", *(linear(name, d, d) for name in ("k_proj", "v_proj", "q_proj", "o_proj"))),
            norm("ffn_norm", d),
        ),
        *hollow("patch_positional_embedding"),
    ]
    config.share(d, "hidden_size", heads, "num_attention_heads")
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family(
    "pixtral",
    {"PixtralVisionModel": tower},
    PromptSizes(hidden=1024, layers=24, heads=16, has_vocabulary=False),
)
