"""The vision tower of Gemma 3n, timm's MobileNetV5: `transformers.models.timm_wrapper`, `timm.models.mobilenetv5`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import quote
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Node, Nodes, Skeleton, convolution, norm, under
from lora_cli.models.parts.towers.mobilenet import attention, edge, inverted, normed
from lora_cli.models.registry import UnknownArchitecture

ARCHITECTURE = "mobilenetv5_300m_enc"


def _stages() -> Iterator[list[Nodes]]:
    """Yield the blocks of each stage."""
    yield [edge(64, 128), edge(128, 128), edge(128, 128)]
    yield [inverted(128, 256, 6, start=3, middle=5), *(inverted(256, 256, 4, start=side) for side in (5, 3, 5, 3))]
    yield [
        inverted(256, 640, 6, start=5, middle=5),
        *[inverted(640, 640, 4, start=5)] * 7,
        inverted(640, 640, 1),
        *[attention(640, 12, 64, shorter=True), inverted(640, 640, 2)] * 14,
    ]
    yield [
        inverted(640, 1280, 6, start=5, middle=5),
        *[attention(1280, 16, 96, shorter=False), inverted(1280, 1280, 2)] * 19,
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
    fused = inverted(1920, 2048, 2, scaled=False)
    stem = *convolution("conv", 3, 64, 3, 3), *normed("bn", 64)
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
