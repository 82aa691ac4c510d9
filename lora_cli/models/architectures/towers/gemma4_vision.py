"""The vision tower of Gemma 4: `transformers.models.gemma4`."""

from __future__ import annotations

from functools import partial

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton, buffer, hollow, linear, norm, parameter, repeat, under
from lora_cli.models.parts.towers.gemma4 import clippable, is_clipped

NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")

hidden = size("hidden_size", 768)


def tower(config: Config) -> Skeleton:
    """Build `Gemma4VisionModel`, which says of no module that it takes images."""
    d, width = hidden(config), config.size("head_dim", default=64)
    inner, patch = config.size("intermediate_size", default=3072), config.size("patch_size", default=16)
    heads = width * config.size("num_attention_heads", default=12)
    groups = width * config.size("num_key_value_heads", default=12)
    held = partial(clippable, clipped=is_clipped(config, default=False))
    nodes = [
        *linear("patch_embedder.input_proj", 3 * patch**2, d),
        *parameter(
            "patch_embedder.position_embedding_table", 2, config.size("position_embedding_size", default=10240), d
        ),
        *hollow("encoder.rotary_emb"),
        *repeat(
            "encoder.layers",
            config.layers("num_hidden_layers", default=16),
            under(
                "self_attn",
                held("q_proj", d, heads),
                held("k_proj", d, groups),
                held("v_proj", d, groups),
                held("o_proj", heads, d),
                norm("q_norm", width),
                norm("k_norm", width),
                hollow("v_norm"),
            ),
            under(
                "mlp",
                held("gate_proj", d, inner),
                held("up_proj", d, inner),
                held("down_proj", inner, d),
                hollow("act_fn"),
            ),
            *(norm(name, d) for name in NORMS),
        ),
        *hollow("pooler"),
    ]
    if config.flag("standardize", default=False):
        nodes += [*buffer("std_bias", d), *buffer("std_scale", d)]
    return Skeleton(nodes)


FAMILY = Family(
    "gemma4_vision",
    {"Gemma4VisionModel": tower},
    PromptSizes(hidden=768, layers=16, heads=12, groups=12, head_width=64, has_vocabulary=False),
)
