"""The audio tower of Gemma 3n, a Universal Speech Model: `transformers.models.gemma3n`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    Skeleton,
    convolution,
    hollow,
    linear,
    norm,
    parameter,
    repeat,
    under,
)

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


def _shortened(config: Config, d: int) -> Iterator[Node]:
    """Build the convolutions that leave fewer frames, of which a Linear takes all that is left of the frequencies."""
    before, frequencies = 1, config.size("input_feat_size", default=128)
    kernels = _pairs(config, "sscp_conv_kernel_size", KERNELS)
    strides = _pairs(config, "sscp_conv_stride_size", STRIDES)
    shapes = zip(_sizes(config, "sscp_conv_channel_size", CHANNELS), kernels, strides, strict=True)
    for index, (after, kernel, stride) in enumerate(shapes):
        convolved = convolution("conv", before, after, *kernel, bias=False)
        yield from under(f"conv_{index}", convolved, norm("norm", after), hollow("activation"))
        before, frequencies = after, (frequencies + PADDING - kernel[1]) // stride[1] + 1
    yield from linear("input_proj_linear", before * frequencies, d)


def _feed_forward(name: str, d: int) -> Nodes:
    layers = linear("ffw_layer_1", d, 4 * d), linear("ffw_layer_2", 4 * d, d)
    return under(name, norm("pre_layer_norm", d), *layers, norm("post_layer_norm", d))


def tower(config: Config) -> Skeleton:
    """Build `Gemma3nAudioEncoder`, which says of no module that it takes sounds."""
    d = hidden(config)
    width = d // config.size("conf_num_attention_heads", default=8)
    inner = config.size("conf_num_attention_heads", default=8) * width
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
    return Skeleton([*under("subsample_conv_projection", _shortened(config, d)), *layers])


FAMILY = Family(
    "gemma3n_audio",
    {"Gemma3nAudioEncoder": tower},
    PromptSizes(hidden=1536, layers=None, heads=None, layers_names=()),
)
