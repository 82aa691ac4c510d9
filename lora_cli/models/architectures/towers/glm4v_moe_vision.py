"""The tower of GLM-4.5V: `transformers.models.glm4v_moe`."""

from __future__ import annotations

from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.towers.glm import tower

FAMILY = Family(
    "glm4v_moe_vision",
    {"Glm4vMoeVisionModel": tower},
    PromptSizes(hidden=1536, layers=24, heads=12, layers_names=("num_hidden_layers", "depth"), has_vocabulary=False),
)
