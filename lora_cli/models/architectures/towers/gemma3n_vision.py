"""The vision tower of Gemma 3n, timm's MobileNetV5: `transformers.models.timm_wrapper`, `timm.models.mobilenetv5`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import quote
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.layers import Node, Nodes, Skeleton, convolution, hollow, norm, parameter, under
from lora_cli.models.registry import UnknownArchitecture

ARCHITECTURE = "mobilenetv5_300m_enc"


def _normed(name: str, d: int) -> Nodes:
    return (*norm(name, d), *hollow(f"{name}.drop", f"{name}.act"))


def _convolved(name: str, d: int, h: int, side: int = 1, *, apart: bool = False) -> Nodes:
    """Build timm's `ConvNormAct`, which may keep the channels `apart`, or an identity where the side is 0."""
    if not side:
        return hollow(name)
    kernel = (
        depthwise("conv", d, side, side, bias=False) if apart else convolution("conv", d, h, side, side, bias=False)
    )
    return under(name, kernel, _normed("bn", h))


def _edge(d: int, h: int) -> Nodes:
    """Build timm's `EdgeResidual`."""
    return (
        *convolution("conv_exp", d, 4 * d, 3, 3, bias=False),
        *_normed("bn1", 4 * d),
        *hollow("aa", "se", "drop_path"),
        *convolution("conv_pwl", 4 * d, h, 1, 1, bias=False),
        *_normed("bn2", h),
    )


def _inverted(d: int, h: int, factor: int, *, start: int = 0, middle: int = 0, scaled: bool = True) -> Nodes:
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


def _attention(d: int, heads: int, width: int, *, shorter: bool) -> Nodes:
    """Build timm's `MobileAttention`, whose keys and values all heads share, of fewer places if they are `shorter`."""
    fewer = (*depthwise("down_conv", d, 3, 3, bias=False), *norm("norm", d)) if shorter else ()
    shared = (*fewer, *convolution("proj", d, width, 1, 1, bias=False))
    return (
        *_normed("norm", d),
        *convolution("attn.query.proj", d, heads * width, 1, 1, bias=False),
        *under("attn", under("key", shared), under("value", shared), hollow("attn_drop", "output.drop")),
        *convolution("attn.output.proj", heads * width, d, 1, 1, bias=False),
        *parameter("layer_scale.gamma", d),
        *hollow("drop_path"),
    )


def _stages() -> Iterator[list[Nodes]]:
    """Yield the blocks of each stage."""
    yield [_edge(64, 128), _edge(128, 128), _edge(128, 128)]
    yield [_inverted(128, 256, 6, start=3, middle=5), *(_inverted(256, 256, 4, start=side) for side in (5, 3, 5, 3))]
    yield [
        _inverted(256, 640, 6, start=5, middle=5),
        *[_inverted(640, 640, 4, start=5)] * 7,
        _inverted(640, 640, 1),
        *[_attention(640, 12, 64, shorter=True), _inverted(640, 640, 2)] * 14,
    ]
    yield [
        _inverted(640, 1280, 6, start=5, middle=5),
        *[_attention(1280, 16, 96, shorter=False), _inverted(1280, 1280, 2)] * 19,
    ]


def _blocks() -> Iterator[Node]:
    """Build the stages, each a `torch.nn.Sequential`, which is not a list."""
    for stage, blocks in enumerate(_stages()):
        for index, block in enumerate(blocks):
            yield from under(f"blocks.{stage}.{index}", block)


def tower(config: Config) -> Skeleton:
    """Build `TimmWrapperModel` around the one architecture that Gemma 3n has."""
    for name, known in (("architecture", ARCHITECTURE), ("model_args", {})):
        if (config.fields.get(name) or known) != known:
            value = quote(config.fields[name])
            raise UnknownArchitecture(f"{config.source}: {name} {value} is not supported yet; it may be {known}")
    fused = _inverted(1920, 2048, 2, scaled=False)
    stem = *convolution("conv", 3, 64, 3, 3), *_normed("bn", 64)
    parts = (
        under("conv_stem", stem),
        _blocks(),
        under("msfa", under("ffn", fused), norm("norm", 2048)),
    )
    return Skeleton(under("timm_model", *parts))


FAMILY = Family(
    "gemma3n_vision",
    {"TimmWrapperModel": tower},
    PromptSizes(hidden=2048, layers=None, heads=None, layers_names=()),
)
