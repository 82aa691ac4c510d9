"""The tower of Qwen3.5 with experts: `transformers.models.qwen3_5_moe`."""

from __future__ import annotations

from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.towers.deepstack import tower

FAMILY = Family(
    "qwen3_5_moe_vision",
    {"Qwen3_5MoeVisionModel": tower},
    PromptSizes(hidden=1152, layers=27, heads=16, layers_names=("num_hidden_layers", "depth"), has_vocabulary=False),
)
