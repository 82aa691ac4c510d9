"""SmolVLM, which is built as Idefics 3: `transformers.models.smolvlm`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.llava_like.idefics3 import connector
from lora_cli.models.composite import Composite, Section, Tower, untied

FAMILY = Composite(
    text=Section(name="text_config", model_type="llama"),
    towers=[Tower("vision_model", Section(name="vision_config", model_type="smolvlm_vision", fixed=True), connector)],
    text_name="text_model",
).family("smolvlm", "SmolVLM", tied=untied)
