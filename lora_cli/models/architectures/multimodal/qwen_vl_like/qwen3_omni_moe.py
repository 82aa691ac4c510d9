"""Qwen3-Omni, which sees, hears, writes and speaks: `transformers.models.qwen3_omni_moe`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.qwen_vl_like.qwen3_omni_moe_thinker import FAMILY as THINKER
from lora_cli.models.composite import NO_SIZES
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.omni import speaking
from lora_cli.models.parts.towers.qwen3_omni import code2wav, talker

VOICE = {"talker": talker, "code2wav": code2wav}
CLASS = speaking(THINKER.classes["Qwen3OmniMoeThinkerForConditionalGeneration"], VOICE)
FAMILY = Family("qwen3_omni_moe", {"Qwen3OmniMoeForConditionalGeneration": CLASS}, NO_SIZES)
