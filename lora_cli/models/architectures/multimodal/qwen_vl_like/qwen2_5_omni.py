"""Qwen2.5-Omni, which sees, hears, writes and speaks: `transformers.models.qwen2_5_omni`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.qwen_vl_like import qwen2_5_omni_thinker
from lora_cli.models.architectures.text_parts import qwen2_5_omni_talker
from lora_cli.models.composite import NO_SIZES
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.layers import Node, Skeleton, under
from lora_cli.models.parts.towers.token2wav import token2wav

THINKER = "thinker"


def spoken(config: Config) -> list[Node]:
    """Build the talker, which writes speech tokens, and what makes sound of them."""
    talker = qwen2_5_omni_talker.generation(config.section("talker_config"))
    return [*under("talker", talker.nodes), *under("token2wav", token2wav(config.section("token2wav_config")))]


def generation(config: Config) -> Skeleton:
    """Build `Qwen2_5OmniForConditionalGeneration`, which says of no module that it takes words or scores them."""
    build = next(iter(qwen2_5_omni_thinker.FAMILY.classes.values()))
    made = build(config.section("thinker_config"))
    parts = {f"{THINKER}.{name}": what for name, what in made.parts.items()}
    speaks = config.flag("enable_audio_output", default=True)
    return Skeleton(
        [*under(THINKER, made.nodes), *(spoken(config) if speaks else ())],
        {f"{THINKER}.{name}": f"{THINKER}.{source}" for name, source in made.tied.items()},
        parts={**parts, **({"talker": "talker", "token2wav": "vocoder"} if speaks else {})},
    )


FAMILY = Family("qwen2_5_omni", {"Qwen2_5OmniForConditionalGeneration": generation}, NO_SIZES)
