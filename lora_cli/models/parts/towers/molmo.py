"""What the tower of Molmo 2 and the projector beside it share."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.layers import Nodes, linear

LAYERS = (24, 18)


def sizes(config: Config) -> tuple[int, int, int]:
    """Return the heads, the groups and the width of a head."""
    heads, groups = (config.size(name, default=16) for name in ("num_attention_heads", "num_key_value_heads"))
    return heads, groups, config.size("head_dim", default=72)


def attended(config: Config, inputs: int) -> Nodes:
    """Build `Molmo2VisionAttention`, which may have more inputs than outputs."""
    d = config.size("hidden_size", default=1152)
    bias = config.flag("attention_bias", default=True)
    heads, _, width = shape = sizes(config)
    *projections, _ = attention(inputs, *shape, bias=bias)
    return [*projections, *linear("o_proj", heads * width, d, bias=bias)]


def feature_layers(config: Config) -> list[int]:
    """Return the layers that the projector takes: those of an older name win."""
    listed = config.items("vit_layers", "vision_feature_layer")
    layers = list(LAYERS) if listed is None else listed
    if not all(type(layer) is int for layer in layers):
        raise config.wrong("vision_feature_layer", "a list of whole numbers")
    return layers
