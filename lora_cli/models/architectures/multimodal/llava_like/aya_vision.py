"""Aya Vision: `transformers.models.aya_vision`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.architectures.multimodal.llava_like.llava_onevision import VISION as SIGLIP
from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, under
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.registry import hidden_size

# Its default of heads does not divide the width, so transformers refuses a config.json without this section.
VISION = replace(SIGLIP, missing={**SIGLIP.missing, "num_attention_heads": 14})


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build `AyaVisionMultiModalProjector`, whose first Linear makes the gate of what goes into the second."""
    h = hidden_size(text)
    side: int = config.size("downsample_factor", default=2)
    d = hidden_size(tower) * side**2
    inner = config.size("alignment_intermediate_size", default=h)
    return under(
        PROJECTOR,
        norm("layernorm", d, bias=True),
        linear("linear_1", d, inner, bias=True),
        hollow("act"),
        linear("linear_2", inner // 2, h, bias=True),
    )


FAMILY = Composite(
    text=Section(name="text_config", model_type="cohere2"), towers=[Tower("vision_tower", VISION, projector)]
).family("aya_vision", "AyaVision", tied=own_ties)
