"""State space models, linear attention and short convolutions: what mixes tokens in place of attention."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, convolution, linear, norm, parameter


def depthwise(name: str, channels: int, kernel: int, *, bias: bool) -> Nodes:
    """Build a convolution along the tokens, for each channel by itself."""
    return convolution(name, channels, channels, kernel, groups=channels, bias=bias)


def gated_delta_net(config: Config, d: int, *, split: bool) -> Nodes:
    """Build a gated delta net: q, k, v and the gate z, and for each value head b and a.

    Qwen3-Next has one Linear for q, k, v and z and one for b and a; later models `split` them.
    """
    heads = config.size("linear_num_value_heads", default=32)
    width = config.size("linear_value_head_dim", default=128)
    values = heads * width
    keys = config.size("linear_num_key_heads", default=16) * config.size("linear_key_head_dim", default=128)
    mixed = 2 * keys + values
    outputs = (
        {"in_proj_qkv": mixed, "in_proj_z": values, "in_proj_b": heads, "in_proj_a": heads}
        if split
        else {"in_proj_qkvz": mixed + values, "in_proj_ba": 2 * heads}
    )
    return (
        *depthwise("conv1d", mixed, config.size("linear_conv_kernel_dim", default=4), bias=False),
        *(node for name, h in outputs.items() for node in linear(name, d, h)),
        *parameter("dt_bias", heads),
        *parameter("A_log", heads),
        *norm("norm", width),
        *linear("out_proj", values, d),
    )
