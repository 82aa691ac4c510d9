"""The tower of Llama 3.2 Vision, which sees an image in tiles: `transformers.models.mllama`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    Skeleton,
    convolution,
    embedding,
    linear,
    norm,
    parameter,
    repeat,
    under,
)

PATCHES = "patch_embedding"
RATIOS = 8


def _block(config: Config, d: int) -> Iterator[Node]:
    heads = config.size("num_attention_heads", "attention_heads", default=16)
    width = heads * (d // heads)
    projections = *((name, d, width) for name in ("q_proj", "k_proj", "v_proj")), ("o_proj", width, d)
    yield from under("self_attn", *(linear(*projection) for projection in projections))
    yield from under("mlp", ungated(d, config.size("intermediate_size", default=5120)))
    yield from norm("input_layernorm", d, bias=True)
    yield from norm("post_attention_layernorm", d, bias=True)


def _of_tiles(name: str, ratios: int, width: int) -> Nodes:
    """Build `MllamaPrecomputedAspectRatioEmbedding`."""
    return under(name, embedding("embedding", ratios, width), parameter("gate", 1))


def tower(config: Config) -> Skeleton:
    """Build `MllamaVisionModel`."""
    d, patch = config.size("hidden_size", default=1280), config.size("patch_size", default=14)
    patches = (config.size("image_size", default=448) // patch) ** 2 + 1
    listed = config.items("supported_aspect_ratios")
    # The first is for no image at all.
    ratios = 1 + (RATIOS if listed is None else len(listed))
    tiles = config.size("max_num_tiles", default=4)
    block = list(_block(config, d))
    gates = [*parameter("gate_attn", 1), *parameter("gate_ffn", 1)]
    nodes = [
        *convolution(PATCHES, config.size("num_channels", default=3), d, patch, patch, bias=False),
        *parameter("class_embedding", d),
        *under(
            "gated_positional_embedding",
            parameter("gate", 1),
            parameter("embedding", patches, d),
            embedding("tile_embedding", ratios, tiles * patches * d),
        ),
        *_of_tiles("pre_tile_positional_embedding", ratios, tiles * d),
        *_of_tiles("post_tile_positional_embedding", ratios, tiles * d),
        *norm("layernorm_pre", d, bias=True),
        *norm("layernorm_post", d, bias=True),
        *repeat("transformer.layers", config.layers("num_hidden_layers", default=32), block),
        *repeat("global_transformer.layers", config.layers("num_global_layers", default=8), block, gates),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family(
    "mllama_vision_model",
    {"MllamaVisionModel": tower},
    PromptSizes(hidden=1280, layers=32, heads=None, heads_names=(), has_vocabulary=False),
)
