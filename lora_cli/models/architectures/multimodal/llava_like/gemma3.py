"""Gemma 3, which sees: `transformers.models.gemma3`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, hollow, norm, parameter, under
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.registry import hidden_size


def projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `Gemma3MultiModalProjector`, whose weight is a parameter of its own."""
    d = hidden_size(tower)
    weight = parameter("mm_input_projection_weight", d, hidden_size(text))
    return under(PROJECTOR, weight, norm("mm_soft_emb_norm", d), hollow("avg_pool"))


PARTS = Composite(
    text=Section(name="text_config", model_type="gemma3_text", fixed=True),
    towers=[Tower("vision_tower", Section(name="vision_config", model_type="siglip_vision_model"), projector)],
)
FAMILY = PARTS.family(
    "gemma3", "Gemma3", tied=own_ties, more={"Gemma3ForSequenceClassification": PARTS.classified("Sequence")}
)
