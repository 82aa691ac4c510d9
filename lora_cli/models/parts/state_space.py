"""State space models, linear attention and short convolutions: what mixes tokens in place of attention."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config, set_unless_null
from lora_cli.models.parts.layers import Nodes, convolution, hollow, linear, norm, parameter

# What leaves a size to the model. A tuple, as a file can hold what no set can.
AUTO = ("auto", None)


def depthwise(name: str, channels: int, kernel: int, *, bias: bool) -> Nodes:
    """Build a convolution along the tokens, for each channel by itself."""
    return convolution(name, channels, channels, kernel, groups=channels, bias=bias)


def short_convolution(config: Config, d: int) -> Nodes:
    """Build the short convolution of LFM2, with a gate before it and one after it."""
    bias = config.flag("conv_bias", default=False)
    return (
        *depthwise("conv", d, config.size("conv_L_cache", default=3), bias=bias),
        *linear("in_proj", d, 3 * d, bias=bias),
        *linear("out_proj", d, d, bias=bias),
    )


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


class Mamba(NamedTuple):
    """The sizes of the first Mamba: its width, and the rank through which time steps go."""

    inner: int
    rank: int
    state: int
    kernel: int


def time_step_rank(config: Config, name: str, d: int) -> int:
    """Return a rank that is given as a number, or "auto" for a sixteenth of the hidden size, rounded up."""
    return ceil(d / 16) if config.fields.get(name) in AUTO else config.size(name, default=1)


def mamba(d: int, size: Mamba, *, bias: bool, convolution_bias: bool) -> Nodes:
    """Build the first Mamba: x_proj returns the time step, B and C of each token."""
    return (
        *hollow("act"),
        *depthwise("conv1d", size.inner, size.kernel, bias=convolution_bias),
        *linear("in_proj", d, 2 * size.inner, bias=bias),
        *linear("x_proj", size.inner, size.rank + 2 * size.state),
        *linear("dt_proj", size.rank, size.inner, bias=True),
        *parameter("A_log", size.inner, size.state),
        *parameter("D", size.inner),
        *linear("out_proj", size.inner, d, bias=bias),
    )


class Mamba2(NamedTuple):
    """The sizes of Mamba-2: its heads, their width all together, and the groups that share a state."""

    heads: int
    inner: int
    groups: int
    state: int
    kernel: int


def mamba2(
    d: int,
    size: Mamba2,
    *,
    bias: bool,
    convolution_bias: bool,
    output_bias: bool | None = None,
    normed: bool = True,
) -> Nodes:
    """Build Mamba-2, whose output has a bias where the input has one, unless `output_bias` says otherwise.

    in_proj returns the gate, the convolved inputs with a B and a C for each group, and a time step for each head.
    """
    convolved = size.inner + 2 * size.groups * size.state
    return (
        *hollow("act"),
        *depthwise("conv1d", convolved, size.kernel, bias=convolution_bias),
        *linear("in_proj", d, size.inner + convolved + size.heads, bias=bias),
        *(node for name in ("dt_bias", "A_log", "D") for node in parameter(name, size.heads)),
        *(norm("norm", size.inner) if normed else hollow("norm")),
        *linear("out_proj", size.inner, d, bias=bias if output_bias is None else output_bias),
    )


def hybrid_mamba2(config: Config, d: int, inner: int, *, output_bias: bool | None = None, normed: bool = True) -> Nodes:
    """Build Mamba-2 of width `inner` from the fields `mamba_…` that several hybrids share, with their defaults."""
    heads = config.size("mamba_n_heads", default=128)
    width = config.share(inner, "the width of Mamba", heads, "mamba_n_heads")
    if config.fields.get("mamba_d_head") not in AUTO and config.size("mamba_d_head", default=width) != width:
        raise InvalidInput(
            f"{config.source}: mamba_d_head is {quote(config.fields['mamba_d_head'])}; {heads} heads that share "
            f"{inner} are {width} wide"
        )
    size = Mamba2(
        heads,
        inner,
        config.number("mamba_n_groups", default=1),
        config.number("mamba_d_state", default=256),
        config.size("mamba_d_conv", default=4),
    )
    return mamba2(
        d,
        size,
        bias=config.flag("mamba_proj_bias", default=False),
        convolution_bias=set_unless_null(config, "mamba_conv_bias"),
        output_bias=output_bias,
        normed=normed,
    )
