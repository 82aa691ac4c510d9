"""The tower of ERNIE 4.5 VL: `transformers.models.ernie4_5_vl_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton, hollow, linear, norm, repeat, under
from lora_cli.models.parts.towers.qwen import PATCHES, attention, depth, two_norms


def tower(config: Config) -> Skeleton:
    """Build `Ernie4_5_VLMoeVisionTransformerPretrainedModel`, whose patches are cut out and go through a Linear."""
    d = config.size("hidden_size", default=1280)
    inner = config.size("intermediate_size", default=5120)
    inputs = config.size("in_channels", default=3) * config.size("patch_size", default=14) ** 2
    feed_forward = linear("fc1", d, inner, bias=True), hollow("act"), linear("fc2", inner, d, bias=True)
    nodes = [
        *linear(f"{PATCHES}.proj", inputs, d),
        *hollow("rotary_pos_emb"),
        *repeat(
            "blocks", depth(config, 32), two_norms(d, bias=True), attention(config, d), under("mlp", *feed_forward)
        ),
        *norm("ln", d, bias=True),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family(
    "ernie4_5_vl_moe_vision",
    {"Ernie4_5_VLMoeVisionTransformerPretrainedModel": tower},
    PromptSizes(hidden=1280, layers=32, heads=16, layers_names=("num_hidden_layers", "depth"), has_vocabulary=False),
)
