"""SigLIP 2 with both towers: `transformers.models.siglip2`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.siglip import SIZES, classes
from lora_cli.models.architectures.towers.siglip2_vision_model import bare
from lora_cli.models.family import Family

FAMILY = Family("siglip2", classes("Siglip2", bare), SIZES)
