"""GLM-4.5V: `transformers.models.glm4v_moe`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, either_ties

FAMILY = Composite(
    text=Section(name="text_config", model_type="glm4v_moe_text", fixed=True),
    towers=[Tower("visual", Section(name="vision_config", model_type="glm4v_moe_vision", fixed=True))],
).family("glm4v_moe", "Glm4vMoe", tied=either_ties)
