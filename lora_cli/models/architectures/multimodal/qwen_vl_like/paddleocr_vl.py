"""PaddleOCR-VL: `transformers.models.paddleocr_vl`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.projectors import two_linears
from lora_cli.models.parts.towers.qwen import merged
from lora_cli.models.registry import hidden_size


def projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `PaddleOCRProjector`, which joins neighbouring patches."""
    d = hidden_size(tower)
    wide = merged(tower, d)
    return under("projector", norm("pre_norm", d, bias=True), two_linears(wide, wide, hidden_size(text)))


def ties(config: Config, text: Config) -> bool:
    """Whether config.json ties the head, or its text section does; by default both do."""
    return own_ties(config, text) or own_ties(text, text)


VISION = Section(name="vision_config", model_type="paddleocr_vl_vision", fixed=True)
FAMILY = Composite(
    text=Section(name="text_config", model_type="paddleocr_vl_text", fixed=True, flat=True),
    towers=[Tower("visual", VISION, projector)],
).family("paddleocr_vl", "PaddleOCRVL", tied=ties)
