"""The audio tower of Gemma 3n, a Universal Speech Model: `transformers.models.gemma3n`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.layers import Nodes, Skeleton, linear, norm, parameter, repeat, under
from lora_cli.models.parts.towers.gemma_audio import shortened

CHANNELS = [128, 32]
KERNELS = [[3, 3]] * 2
STRIDES = [[2, 2]] * 2
# What is added to the frequencies on both sides of a convolution.
PADDING = 2

hidden = size("hidden_size", 1536)


def _sizes(config: Config, name: str, default: list[int]) -> list[int]:
    """Return as many sizes as the default has."""
    value = default if config.fields.get(name) is None else config.fields[name]
    if not isinstance(value, list) or len(value) != len(default):
        raise config.wrong(name, f"a list of {len(default)} sizes")
    return [Config({name: each}, config.source).needed(name) for each in value]


def _pairs(config: Config, name: str, default: list[list[int]]) -> list[list[int]]:
    """Return the two sizes that each convolution has of a kind."""
    value = default if config.fields.get(name) is None else config.fields[name]
    if not isinstance(value, list) or len(value) != len(default):
        raise config.wrong(name, f"a list of {len(default)} lists")
    return [_sizes(Config({name: each}, config.source), name, default[0]) for each in value]


def _shortened(config: Config, d: int) -> Nodes:
    frequencies = config.size("input_feat_size", default=128)
    kernels = _pairs(config, "sscp_conv_kernel_size", KERNELS)
    strides = _pairs(config, "sscp_conv_stride_size", STRIDES)
    channels = _sizes(config, "sscp_conv_channel_size", CHANNELS)
    for (_, kernel), (_, stride) in zip(kernels, strides, strict=True):
        frequencies = (frequencies + PADDING - kernel) // stride + 1
    return shortened(d, zip(("conv_0", "conv_1"), channels, kernels, strict=True), frequencies, "activation")


def _feed_forward(name: str, d: int) -> Nodes:
    layers = linear("ffw_layer_1", d, 4 * d), linear("ffw_layer_2", 4 * d, d)
    return under(name, norm("pre_layer_norm", d), *layers, norm("post_layer_norm", d))


def tower(config: Config) -> Skeleton:
    """Build `Gemma3nAudioEncoder`, which says of no module that it takes sounds."""
    d = hidden(config)
    heads = config.size("conf_num_attention_heads", default=8)
    width = d // heads
    inner = heads * width
    attention = (
        *linear("relative_position_embedding.pos_proj", d, inner),
        *parameter("per_dim_scale", width),
        *(node for name in "qkv" for node in linear(f"{name}_proj", d, inner)),
    )
    convolved = (
        *norm("pre_layer_norm", d),
        *linear("linear_start", d, 2 * d),
        *depthwise("depthwise_conv1d", d, config.size("conf_conv_kernel_size", default=5), bias=False),
        *norm("conv_norm", d),
        *linear("linear_end", d, d),
    )
    layers = repeat(
        "conformer",
        config.layers("conf_num_hidden_layers", default=12),
        _feed_forward("ffw_layer_start", d),
        under(
            "attention", norm("pre_attn_norm", d), under("attn", attention), linear("post", d, d), norm("post_norm", d)
        ),
        under("lconv1d", convolved),
        _feed_forward("ffw_layer_end", d),
        norm("norm", d),
    )
    return Skeleton([*_shortened(config, d), *layers])


FAMILY = Family(
    "gemma3n_audio",
    {"Gemma3nAudioEncoder": tower},
    PromptSizes(hidden=1536, layers=None, heads=None, layers_names=()),
)
