"""InternVL: `transformers.models.internvl`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.projectors import PROJECTOR, two_linears
from lora_cli.models.registry import hidden_size


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build `InternVLMultiModalProjector`, of whose patches some are put together, a whole number to a side."""
    ratio = config.real("downsample_ratio", default=0.5)
    if not 0 < ratio <= 1:
        raise config.wrong("downsample_ratio", "more than 0 and at most 1")
    side, h = int(1 / ratio), hidden_size(text)
    d = hidden_size(tower) * side * side
    return under(PROJECTOR, norm("layer_norm", d, bias=True), two_linears(d, h, h))


VISION = Section(name="vision_config", model_type="internvl_vision", fixed=True)
FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen2"), towers=[Tower("vision_tower", VISION, projector)]
).family("internvl", "InternVL", tied=own_ties)
