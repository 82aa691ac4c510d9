"""Qwen2.5-Omni without its voice: `transformers.models.qwen2_5_omni`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.qwen_vl_like import qwen2_5_omni_thinker
from lora_cli.models.composite import NO_SIZES
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.layers import Skeleton, under
from lora_cli.models.registry import UnknownArchitecture

THINKER = "thinker"


def generation(config: Config) -> Skeleton:
    """Build `Qwen2_5OmniForConditionalGeneration`, which says of no module that it takes words or scores them."""
    if config.flag("enable_audio_output", default=True):
        raise UnknownArchitecture(
            f"{config.source}: enable_audio_output is true, and the talker is not supported yet; set it to false, or give "
            "thinker_config as a config.json of its own"
        )
    build = next(iter(qwen2_5_omni_thinker.FAMILY.classes.values()))
    made = build(config.section("thinker_config"))
    return Skeleton(
        under(THINKER, made.nodes),
        {f"{THINKER}.{name}": f"{THINKER}.{source}" for name, source in made.tied.items()},
        parts={f"{THINKER}.{name}": what for name, what in made.parts.items()},
    )


FAMILY = Family("qwen2_5_omni", {"Qwen2_5OmniForConditionalGeneration": generation}, NO_SIZES)
