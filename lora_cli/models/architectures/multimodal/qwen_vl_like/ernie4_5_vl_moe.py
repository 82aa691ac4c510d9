"""ERNIE 4.5 VL: `transformers.models.ernie4_5_vl_moe`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, under
from lora_cli.models.parts.towers.qwen import merged
from lora_cli.models.registry import hidden_size


def _of(name: str, d: int, h: int) -> Nodes:
    parts = linear("fc1", d, h, bias=True), hollow("act_fn"), linear("fc2", h, h, bias=True), norm("ln", h, bias=True)
    return under(name, *parts)


def resampler(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `Ernie4_5_VLMoeVariableResolutionResamplerModel`, which joins patches in space and then in time."""
    wide, h = merged(tower, hidden_size(tower)), hidden_size(text)
    frames = tower.size("temporal_merge_size", default=2)
    return under(
        "resampler_model",
        _of("spatial_linear", wide, wide),
        _of("temporal_linear", wide * frames, wide),
        linear("mlp", wide, h, bias=True),
        norm("after_norm", h),
    )


VISION = Section(name="vision_config", model_type="ernie4_5_vl_moe_vision", fixed=True)
BUILT = Composite(
    text=Section(name="text_config", model_type="ernie4_5_vl_moe_text", fixed=True),
    towers=[Tower("vision_tower", VISION, resampler)],
).family("ernie4_5_vl_moe", "Ernie4_5_VLMoe", tied=own_ties)
# Older configs write the names of the classes another way.
OLDER = {name.replace("VLMoe", "VL_Moe"): build for name, build in BUILT.classes.items()}
FAMILY = replace(BUILT, classes={**BUILT.classes, **OLDER})
