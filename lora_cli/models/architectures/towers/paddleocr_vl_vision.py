"""The tower of PaddleOCR-VL, which is SigLIP's without a head: `transformers.models.paddleocr_vl`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton, hollow, under
from lora_cli.models.parts.towers.siglip import hidden, tower


def inner(config: Config) -> Skeleton:
    """Build `PaddleOCRVisionTransformer`, which says of no module that it takes images."""
    nodes = tower(config, hidden(config), inner=4304, layers=27, image=384, patch=14, norms_first=True)
    return Skeleton([*nodes, *hollow("encoder.rotary_pos_emb")])


def bare(config: Config) -> Skeleton:
    """Build `PaddleOCRVisionModel`."""
    return Skeleton(under("vision_model", inner(config).nodes))


FAMILY = Family(
    "paddleocr_vl_vision",
    {"PaddleOCRVisionModel": bare, "PaddleOCRVisionTransformer": inner},
    PromptSizes(hidden=1152, layers=27, heads=16, has_vocabulary=False),
)
