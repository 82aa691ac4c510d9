"""The sizes in a config.json of which prompts are made, where it says nothing with transformers' defaults.

`peft/utils/other.py`: `_prepare_prompt_learning_config`, which asks the config and not the modules.
"""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config

LAYERS = ("num_hidden_layers", "num_layers", "n_layer", "encoder_layers", "n_layers")
HIDDEN = ("hidden_size", "n_embd", "d_model")
HEADS = ("num_attention_heads", "n_head", "num_heads", "encoder_attention_heads")
# Where the older name of the hidden size wins.
OLDER_HIDDEN = ("bloom", "falcon")
# As many as heads.
ALL = 0
# The hidden size shared among the heads.
SHARED = 0


class Facts(NamedTuple):
    """A config's hidden size, layers and heads, and in grouped-query attention the groups and each head's width.

    What the config has no field for is None; `has_words` says whether it has one for a vocabulary.
    """

    hidden: int | None = None
    layers: int | None = None
    heads: int | None = None
    groups: int | None = None
    width: int | None = None
    has_words: bool = True


DEFAULTS = {
    "bert": Facts(768, 12, 12),
    "roberta": Facts(768, 12, 12),
    "xlm-roberta": Facts(768, 12, 12),
    "distilbert": Facts(None, 6, None),
    "deberta-v2": Facts(1536, 24, 24),
    "electra": Facts(256, 12, 4),
    "vit": Facts(768, 12, 12, has_words=False),
    "clip_text_model": Facts(512, 12, 8),
    "clip_vision_model": Facts(768, 12, 12, has_words=False),
    "gpt2": Facts(768, 12, 12),
    "gpt_neox": Facts(6144, 44, 64),
    "gptj": Facts(4096, 28, 16),
    "opt": Facts(768, 12, 12),
    "bloom": Facts(64, 2, 8),
    "falcon": Facts(4544, 32, 71),
    "deepseek_v3": Facts(7168, 61, 128, 128, 64),
    "gpt_oss": Facts(2880, 36, 64, 8, 64),
    "t5": Facts(512, 6, 8),
    "mt5": Facts(512, 8, 6),
    "bart": Facts(1024, 12, 16),
    "whisper": Facts(384, 4, 6),
    "llama": Facts(4096, 32, 32, ALL, SHARED),
    "mistral": Facts(4096, 32, 32, 8, SHARED),
    "mixtral": Facts(4096, 32, 32, 8),
    "qwen2": Facts(4096, 32, 32, 32),
    "qwen2_moe": Facts(2048, 24, 16, 16),
    "qwen3": Facts(4096, 32, 32, 32, 128),
    "qwen3_moe": Facts(2048, 24, 32, 4),
    "gemma": Facts(3072, 28, 16, 16, 256),
    "gemma2": Facts(2304, 26, 8, 4, 256),
    "gemma3_text": Facts(2304, 26, 8, 4, 256),
    "phi": Facts(2048, 24, 32, ALL),
    "phi3": Facts(3072, 32, 32, ALL),
    "olmo2": Facts(4096, 32, 32, ALL),
    "cohere": Facts(8192, 40, 64, ALL),
    "granite": Facts(4096, 32, 32, ALL),
    "glm4": Facts(4096, 40, 32, 2, 128),
    "smollm3": Facts(2048, 36, 16, 4),
    "starcoder2": Facts(3072, 30, 24, 2),
    "stablelm": Facts(2560, 32, 32, 32),
}


def read_facts(config: Config) -> Facts:
    """Return what a config.json says, or means.

    >>> read_facts(Config({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 8}))
    Facts(hidden=64, layers=32, heads=8, groups=8, width=8, has_words=True)
    >>> read_facts(Config({"model_type": "gpt2", "n_embd": 64}))
    Facts(hidden=64, layers=12, heads=12, groups=None, width=None, has_words=True)
    """
    model_type = config.text("model_type", default="")
    if model_type == "clip":
        config, model_type = config.section("text_config_dict", "text_config"), "clip_text_model"
    elif config.fields.get("text_config") is not None:
        config = config.section("text_config")
    if config.fields.get("per_layer_config"):
        raise InvalidInput(f"{config.source}: per_layer_config makes layers differ, so no prompt is counted for it yet")
    default = DEFAULTS.get(model_type, Facts(has_words=False))
    layers = config.layers(*LAYERS, default=-1 if default.layers is None else default.layers)
    known = None if layers < 0 else layers
    if model_type == "distilbert":
        # Its own names for these are none that PEFT asks for.
        return Facts(layers=known)
    older = ("n_embed",) if model_type in OLDER_HIDDEN else ()
    hidden = config.size(*older, *HIDDEN, default=default.hidden or 0) or None
    heads = config.size(*HEADS, default=default.heads or 0) or None
    # Null groups are as many as heads, whatever a missing field stands for.
    missing = default.groups or 0 if "num_key_value_heads" not in config.fields else ALL
    groups = config.size("num_global_key_value_heads", "num_key_value_heads", default=missing)
    if groups == ALL and default.groups is not None:
        groups = heads or 0
    own = ("qk_rope_head_dim",) if model_type == "deepseek_v3" else ("global_head_dim", "head_dim")
    width = config.size(*own, default=default.width or 0)
    if width == SHARED and default.width == SHARED and hidden and heads:
        width = hidden // heads
    has_words = default.has_words or config.fields.get("vocab_size") is not None
    return Facts(hidden, known, heads, groups or None, width or None, has_words)
