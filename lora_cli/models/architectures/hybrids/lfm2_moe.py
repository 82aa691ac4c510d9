"""LFM2 with experts: `transformers.models.lfm2_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.experts import fused
from lora_cli.models.parts.kin.lfm2 import CONVOLUTION, convolution_classes, convolution_decoder, feed_forward
from lora_cli.models.parts.layer_types import ATTENTION, layer_kinds
from lora_cli.models.parts.layers import Nodes, buffer, parameter

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 65536)


def mixture(config: Config, d: int) -> Nodes:
    """Build the router, the experts, and the bias that balances them."""
    count = config.size("num_experts", default=32)
    balanced = config.flag("use_expert_bias", default=True)
    return (
        *parameter("gate.weight", count, d),
        *fused(d, config.size("moe_intermediate_size", default=1792), count),
        *(buffer("expert_bias", count, dtype="F32") if balanced else ()),
    )


def body(config: Config) -> Nodes:
    """Build `Lfm2MoeModel`: `num_dense_layers` layers without experts, then those with."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=32)
    dense = min(layers, config.layers("num_dense_layers", default=2))
    plain = feed_forward(d, config.size("intermediate_size", default=7168))
    feed_forwards = [plain] * dense + [mixture(config, d)] * (layers - dense)
    kinds = layer_kinds(config, "layer_types", layers=layers, known=(CONVOLUTION, ATTENTION))
    return convolution_decoder(config, vocabulary(config), d, kinds, feed_forwards, rotary="pos_emb")


FAMILY = Family(
    "lfm2_moe",
    convolution_classes("Lfm2Moe", body, hidden, vocabulary),
    PromptSizes(hidden=2048, layers=32, heads=32, groups=8),
)
