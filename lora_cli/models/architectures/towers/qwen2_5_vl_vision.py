"""The tower of Qwen2.5-VL: `transformers.models.qwen2_5_vl`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Skeleton, norm, repeat, under
from lora_cli.models.parts.towers.qwen import PATCHES, attention, depth, merged, merger, patches, two_norms


def tower(config: Config) -> Skeleton:
    """Build `Qwen2_5_VisionTransformerPretrainedModel`."""
    d = config.size("hidden_size", default=3584)
    inner = config.size("intermediate_size", default=3420)
    nodes = [
        *patches(config, d),
        *repeat(
            "blocks",
            depth(config, 32),
            two_norms(d, bias=False),
            attention(config, d),
            under("mlp", gated(d, inner, bias=True)),
        ),
        *merger(merged(config, d), config.size("out_hidden_size", default=3584), norm("ln_q", d)),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family(
    "qwen2_5_vl_vision",
    {"Qwen2_5_VisionTransformerPretrainedModel": tower},
    PromptSizes(hidden=3584, layers=32, heads=16, layers_names=("num_hidden_layers", "depth"), has_vocabulary=False),
)
