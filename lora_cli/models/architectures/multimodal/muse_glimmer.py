"""Muse Glimmer: `transformers.models.muse_glimmer`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, hollow, linear, under
from lora_cli.models.registry import hidden_size


def projector(config: Config, _tower: Config, text: Config) -> Nodes:
    """Build `MuseGlimmerVisionAdapter`, the projection behind it and a norm."""
    d = config.size("projector_hidden_size", default=4096)
    first = linear("fc1", config.size("out_hidden_size", default=6144), d)
    return [
        *under("vision_adapter", first, hollow("act"), linear("fc2", d, d)),
        *linear("vision_projection", d, hidden_size(text)),
        *hollow("perception_emb_norm"),
    ]


FAMILY = Composite(
    text=Section(name="text_config", model_type="muse_glimmer_text", fixed=True),
    towers=[
        Tower("vision_tower", Section(name="vision_config", model_type="muse_glimmer_vision", fixed=True), projector)
    ],
).family("muse_glimmer", "MuseGlimmer", tied=untied)
