"""Video-LLaVA, which sees videos by one tower and images by another: `transformers.models.video_llava`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.architectures.multimodal.llava_like import llava
from lora_cli.models.composite import Composite, Tower, untied

VISION = replace(llava.VISION, missing={**llava.VISION.missing, "image_size": 224, "projection_dim": 768})
FAMILY = Composite(
    text=llava.TEXT, towers=[Tower("video_tower", VISION), Tower("image_tower", VISION, llava.projector)]
).family("video_llava", "VideoLlava", tied=untied)
