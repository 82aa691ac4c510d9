"""The audio tower of Gemma 4: `transformers.models.gemma4`."""

from __future__ import annotations

from functools import partial

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, norm, parameter, repeat, under
from lora_cli.models.parts.stages import stage_sizes
from lora_cli.models.parts.towers.gemma4 import clippable, is_clipped
from lora_cli.models.parts.towers.gemma_audio import shortened

hidden = size("hidden_size", 1024)


def channels(config: Config) -> tuple[int, int]:
    """Return the channels of the two convolutions that shorten a sound."""
    first, second, *_ = stage_sizes(config, "subsampling_conv_channels", default=(128, 32), stages=2)
    return first, second


def _shortened(config: Config, d: int) -> Nodes:
    first, second = channels(config)
    return shortened(d, [("layer0", first, (3, 3)), ("layer1", second, (3, 3))], first // 4, "act")


def tower(config: Config) -> Skeleton:
    """Build `Gemma4AudioModel`, which says of no module that it takes sounds."""
    d = hidden(config)
    heads = config.size("num_attention_heads", default=8)
    width = d // heads
    held = partial(clippable, clipped=is_clipped(config, default=True))
    feed_forward = [
        *held("ffw_layer_1", d, 4 * d),
        *held("ffw_layer_2", 4 * d, d),
        *norm("pre_layer_norm", d),
        *norm("post_layer_norm", d),
        *hollow("act_fn"),
    ]
    nodes = [
        *_shortened(config, d),
        *hollow("rel_pos_enc"),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=12),
            under("feed_forward1", feed_forward),
            under("feed_forward2", feed_forward),
            under(
                "self_attn",
                *(held(name, d, heads * width) for name in ("q_proj", "k_proj", "v_proj")),
                held("post", d, d),
                linear("relative_k_proj", d, heads * width),
                parameter("per_dim_scale", width),
            ),
            under(
                "lconv1d",
                held("linear_start", d, 2 * d),
                held("linear_end", d, d),
                depthwise("depthwise_conv1d", d, config.size("conv_kernel_size", default=5), bias=False),
                norm("pre_layer_norm", d),
                norm("conv_norm", d),
                hollow("act_fn"),
            ),
            *(norm(name, d) for name in ("norm_pre_attn", "norm_post_attn", "norm_out")),
        ),
        *linear("output_proj", d, config.size("output_proj_dims", default=1536), bias=True),
    ]
    return Skeleton(nodes)


FAMILY = Family(
    "gemma4_audio",
    {"Gemma4AudioModel": tower},
    PromptSizes(hidden=1024, layers=12, heads=8, has_vocabulary=False),
)
