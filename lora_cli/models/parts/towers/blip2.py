"""The vision tower of BLIP-2, and the Q-Former that asks it."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.parts.encoder import dense, dense_norm
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.layers import (
    Nodes,
    Skeleton,
    convolution,
    embedding,
    hollow,
    linear,
    listed,
    norm,
    parameter,
    repeat,
    under,
)

PATCHES = "embeddings.patch_embedding"

tower_width = size("hidden_size", 1408)
qformer_width = size("hidden_size", 768)


def tower(config: Config) -> Skeleton:
    """Build `Blip2VisionModel`, whose q, k and v are one Linear."""
    d = tower_width(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=16), "num_attention_heads")
    side = config.size("patch_size", default=14)
    # The convolution leaves out the edge of an image that is not a multiple of the patch.
    patches = (config.size("image_size", default=224) // side) ** 2
    bias = config.flag("qkv_bias", default=True)
    nodes = [
        *parameter("embeddings.class_embedding", 1, 1, d),
        *parameter("embeddings.position_embedding", 1, patches + 1, d),
        *convolution(PATCHES, 3, d, side, side),
        *repeat(
            "encoder.layers",
            config.layers("num_hidden_layers", default=39),
            under("self_attn", linear("qkv", d, 3 * d, bias=bias), dense("projection", d, d)),
            norm("layer_norm1", d, bias=True),
            under("mlp", ungated(d, config.size("intermediate_size", default=6144))),
            norm("layer_norm2", d, bias=True),
        ),
        *norm("post_layernorm", d, bias=True),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


def words(config: Config) -> Nodes:
    """Build the embeddings of the words that a Q-Former takes."""
    d = qformer_width(config)
    positions = config.size("max_position_embeddings", default=512)
    return under(
        "embeddings",
        embedding("word_embeddings", config.size("vocab_size", default=30522), d),
        embedding("position_embeddings", positions, d),
    )


def _attention(name: str, d: int, keys: int) -> Nodes:
    projections = dense("query", d, d), dense("key", keys, d), dense("value", keys, d)
    return under(name, under("attention", *projections), dense_norm("output", d, d, "dropout"))


def _feed_forward(ending: str, d: int, inner: int) -> Nodes:
    return [
        *dense(f"intermediate{ending}.dense", d, inner),
        *hollow(f"intermediate{ending}.intermediate_act_fn"),
        *dense_norm(f"output{ending}", inner, d, "dropout"),
    ]


def qformer(config: Config, images: int) -> Nodes:
    """Build `Blip2QFormerModel`, of which every so many layers see the images of that width."""
    d = qformer_width(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=12), "num_attention_heads")
    inner = config.size("intermediate_size", default=3072)
    every = config.size("cross_attention_frequency", default=2)
    reads = config.flag("use_qformer_text_input", default=False)
    layers = (
        [
            *_attention("attention", d, d),
            *(() if layer % every else _attention("crossattention", d, images)),
            *(_feed_forward("", d, inner) if reads else ()),
            *_feed_forward("_query", d, inner),
        ]
        for layer in range(config.layers("num_hidden_layers", default=12))
    )
    return under("qformer", norm("layernorm", d, bias=True), hollow("dropout"), listed("encoder.layer", layers))
