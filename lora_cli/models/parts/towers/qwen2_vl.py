"""The tower of Qwen2-VL."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Skeleton, hollow, linear, norm, repeat, under
from lora_cli.models.parts.towers.qwen import PATCHES, attention, depth, merged, merger, patches, two_norms


def tower(config: Config) -> Skeleton:
    """Build `Qwen2VisionTransformerPretrainedModel`; its hidden_size is the width of what it returns."""
    d = config.size("embed_dim", default=1280)
    inner = d * config.size("mlp_ratio", default=4)
    feed_forward = linear("fc1", d, inner, bias=True), hollow("act"), linear("fc2", inner, d, bias=True)
    nodes = [
        *patches(config, d),
        *repeat(
            "blocks", depth(config, 32), two_norms(d, bias=True), attention(config, d), under("mlp", *feed_forward)
        ),
        *merger(merged(config, d), config.size("hidden_size", default=3584), norm("ln_q", d, bias=True)),
    ]
    return Skeleton(nodes, embeddings=PATCHES)
