"""Florence 2, which writes with BART: `transformers.models.florence2`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.parts.towers import florence


def projector(_config: Config, tower: Config, _text: Config) -> Nodes:
    """Build `Florence2MultiModalProjector`."""
    return florence.projector(PROJECTOR, tower)


PARTS = Composite(
    text=Section(name="text_config", model_type="bart"),
    towers=[Tower("vision_tower", Section(name="vision_config", build=florence.tower), projector)],
)
# PEFT looks for the number of layers by names that BART's config does not have.
FAMILY = replace(PARTS.family("florence2", "Florence2", tied=own_ties), text=None)
