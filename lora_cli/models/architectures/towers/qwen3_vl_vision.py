"""The tower of Qwen3-VL: `transformers.models.qwen3_vl`."""

from __future__ import annotations

from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.towers.deepstack import stacked

FAMILY = Family(
    "qwen3_vl_vision",
    {"Qwen3VLVisionModel": stacked},
    PromptSizes(hidden=1152, layers=27, heads=16, layers_names=("num_hidden_layers", "depth"), has_vocabulary=False),
)
