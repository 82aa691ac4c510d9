"""Qwen2.5-Omni, which sees, hears, writes and speaks: `transformers.models.qwen2_5_omni`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.qwen_vl_like.qwen2_5_omni_thinker import FAMILY as THINKER
from lora_cli.models.architectures.text_parts.qwen2_5_omni_talker import talker
from lora_cli.models.composite import NO_SIZES
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.omni import speaking
from lora_cli.models.parts.towers.token2wav import token2wav

VOICE = {"talker": talker, "token2wav": token2wav}
CLASS = speaking(THINKER.classes["Qwen2_5OmniThinkerForConditionalGeneration"], VOICE)
FAMILY = Family("qwen2_5_omni", {"Qwen2_5OmniForConditionalGeneration": CLASS}, NO_SIZES)
