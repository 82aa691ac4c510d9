"""Idefics 3: `transformers.models.idefics3`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, linear
from lora_cli.models.registry import hidden_size


def connector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build `Idefics3Connector`, which puts neighbouring patches together."""
    side: int = config.size("scale_factor", default=2)
    return linear("connector.modality_projection.proj", hidden_size(tower) * side**2, hidden_size(text))


FAMILY = Composite(
    text=Section(name="text_config", model_type="llama"),
    towers=[Tower("vision_model", Section(name="vision_config", model_type="idefics3_vision", fixed=True), connector)],
    text_name="text_model",
).family("idefics3", "Idefics3", tied=untied)
