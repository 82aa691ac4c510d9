"""LLaVA-OneVision: `transformers.models.llava_onevision`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.llava_like.llava_next import projector
from lora_cli.models.composite import Composite, Section, Tower, either_ties

VISION = Section(
    name="vision_config",
    model_type="siglip_vision_model",
    missing={
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "patch_size": 14,
        "image_size": 384,
        "num_hidden_layers": 26,
        "num_attention_heads": 16,
        "vision_use_head": False,
    },
)

FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen2"), towers=[Tower("vision_tower", VISION, projector)]
).family("llava_onevision", "LlavaOnevision", tied=either_ties)
