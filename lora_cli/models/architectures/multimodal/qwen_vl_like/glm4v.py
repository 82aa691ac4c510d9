"""GLM-4V: `transformers.models.glm4v`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, either_ties

FAMILY = Composite(
    text=Section(name="text_config", model_type="glm4v_text", fixed=True),
    towers=[Tower("visual", Section(name="vision_config", model_type="glm4v_vision", fixed=True))],
).family("glm4v", "Glm4v", tied=either_ties)
