"""Mistral Small 3.1 and its kin, which see: `transformers.models.mistral3`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, linear, norm, under
from lora_cli.models.parts.projectors import PROJECTOR, feature_layers, two_linears
from lora_cli.models.registry import hidden_size

TEXT = Section(
    name="text_config",
    model_type="mistral",
    missing={
        "head_dim": 128,
        "hidden_size": 5120,
        "intermediate_size": 32768,
        "num_attention_heads": 32,
        "num_hidden_layers": 40,
        "num_key_value_heads": 8,
        "vocab_size": 131072,
    },
)
VISION = Section(
    name="vision_config",
    model_type="pixtral",
    missing={
        "intermediate_size": 4096,
        "hidden_size": 1024,
        "patch_size": 14,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    },
)


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build `Mistral3MultiModalProjector`, which first merges neighbouring patches."""
    d, h = hidden_size(tower), hidden_size(text)
    side: int = config.size("spatial_merge_size", default=2)
    bias = config.flag("multimodal_projector_bias", default=False)
    return under(
        PROJECTOR,
        norm("norm", d),
        linear("patch_merger.merging_layer", d * side**2, d),
        two_linears(d * feature_layers(config), h, h, bias=bias),
    )


FAMILY = Composite(text=TEXT, towers=[Tower("vision_tower", VISION, projector)]).family(
    "mistral3", "Mistral3", tied=own_ties
)
