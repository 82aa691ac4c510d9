"""DeepSeek-VL: `transformers.models.deepseek_vl`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, hollow, linear, under
from lora_cli.models.registry import hidden_size


def aligner(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `DeepseekVLAligner`."""
    d, h = hidden_size(tower), hidden_size(text)
    return under(
        "aligner", linear("linear1", d, h, bias=True), hollow("activation"), linear("linear2", h, h, bias=True)
    )


FAMILY = Composite(
    text=Section(name="text_config", model_type="llama"),
    towers=[Tower("vision_model", Section(name="vision_config", model_type="siglip_vision_model"), aligner)],
).family("deepseek_vl", "DeepseekVL", tied=own_ties)
