"""The blocks of timm's MobileNets: `timm.models._efficientnet_blocks`."""

from __future__ import annotations

from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.layers import Nodes, convolution, hollow, norm, parameter, under


def normed(name: str, d: int) -> Nodes:
    """Build timm's `RmsNormAct2d`, which drops values and has an activation."""
    return (*norm(name, d), *hollow(f"{name}.drop", f"{name}.act"))


def _convolved(name: str, d: int, h: int, side: int = 1, *, apart: bool = False) -> Nodes:
    """Build timm's `ConvNormAct`, which may keep the channels `apart`, or an identity where the side is 0."""
    if not side:
        return hollow(name)
    kernel = (
        depthwise("conv", d, side, side, bias=False) if apart else convolution("conv", d, h, side, side, bias=False)
    )
    return under(name, kernel, normed("bn", h))


def edge(d: int, h: int) -> Nodes:
    """Build timm's `EdgeResidual`."""
    return (
        *convolution("conv_exp", d, 4 * d, 3, 3, bias=False),
        *normed("bn1", 4 * d),
        *hollow("aa", "se", "drop_path"),
        *convolution("conv_pwl", 4 * d, h, 1, 1, bias=False),
        *normed("bn2", h),
    )


def inverted(d: int, h: int, factor: int, *, start: int = 0, middle: int = 0, scaled: bool = True) -> Nodes:
    """Build timm's `UniversalInvertedResidual`, whose two depthwise convolutions have these sides."""
    inner = factor * d
    return (
        *_convolved("dw_start", d, d, start, apart=True),
        *_convolved("pw_exp", d, inner),
        *_convolved("dw_mid", inner, inner, middle, apart=True),
        *_convolved("pw_proj", inner, h),
        *(parameter("layer_scale.gamma", h) if scaled else hollow("layer_scale")),
        *hollow("se", "dw_end", "drop_path"),
    )


def attention(d: int, heads: int, width: int, *, shorter: bool) -> Nodes:
    """Build timm's `MobileAttention`, whose keys and values all heads share, of fewer places if they are `shorter`."""
    fewer = (*depthwise("down_conv", d, 3, 3, bias=False), *norm("norm", d)) if shorter else ()
    shared = (*fewer, *convolution("proj", d, width, 1, 1, bias=False))
    return (
        *normed("norm", d),
        *convolution("attn.query.proj", d, heads * width, 1, 1, bias=False),
        *under("attn", under("key", shared), under("value", shared), hollow("attn_drop", "output.drop")),
        *convolution("attn.output.proj", heads * width, d, 1, 1, bias=False),
        *parameter("layer_scale.gamma", d),
        *hollow("drop_path"),
    )
