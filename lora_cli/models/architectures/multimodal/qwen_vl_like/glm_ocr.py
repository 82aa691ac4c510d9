"""GLM-OCR: `transformers.models.glm_ocr`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, either_ties

FAMILY = Composite(
    text=Section(name="text_config", model_type="glm_ocr_text", fixed=True),
    towers=[Tower("visual", Section(name="vision_config", model_type="glm_ocr_vision", fixed=True))],
).family("glm_ocr", "GlmOcr", tied=either_ties)
