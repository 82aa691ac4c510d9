"""The text tower of SigLIP 2, which is that of SigLIP: `transformers.models.siglip2`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.siglip_text_model import SIZES, bare
from lora_cli.models.family import Family

FAMILY = Family("siglip2_text_model", {"Siglip2TextModel": bare}, SIZES)
