"""A file per family of models: config.json fields in, modules out.

A family's file has `CLASSES`: for each `model_type` the classes it can be built as, the one that is
taken when config.json names none first, and how each is written down.
"""

from __future__ import annotations

from importlib import import_module

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.nodes import Skeleton

FAMILIES = {
    "bert": "bert",
    "roberta": "roberta",
    "xlm-roberta": "xlm_roberta",
    "distilbert": "distilbert",
    "deberta-v2": "deberta_v2",
    "electra": "electra",
    "vit": "vit",
    "clip": "clip",
    "clip_text_model": "clip",
    "clip_vision_model": "clip",
    "gpt2": "gpt2",
    "gpt_neox": "gpt_neox",
    "gptj": "gptj",
    "opt": "opt",
    "bloom": "bloom",
    "falcon": "falcon",
    "deepseek_v3": "deepseek_v3",
    "gpt_oss": "gpt_oss",
    "t5": "t5",
    "mt5": "t5",
    "bart": "bart",
    "whisper": "whisper",
    "llama": "llama",
    "mistral": "mistral",
    "mixtral": "mixtral",
    "qwen2": "qwen2",
    "qwen2_moe": "qwen2",
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3",
    "gemma": "gemma",
    "gemma2": "gemma",
    "gemma3_text": "gemma",
    "phi": "phi",
    "phi3": "phi3",
    "olmo2": "olmo2",
    "cohere": "cohere",
    "granite": "granite",
    "glm4": "glm4",
    "smollm3": "smollm3",
    "starcoder2": "starcoder2",
    "stablelm": "stablelm",
}
# An activation is a module of its own in each layer, and two of transformers' hold parameters.
ACTIVATIONS = ("hidden_act", "hidden_activation", "activation_function", "activation", "feed_forward_proj")
TRAINED_ACTIVATIONS = ("prelu", "xielu")


class UnknownArchitecture(InvalidInput):
    """A model that is not written down here; another source may still know its modules."""


def skeleton(config: Config) -> Skeleton:
    """Return the model that a config.json describes, written down."""
    model_type = config.text("model_type", default="")
    if not model_type:
        adapter = "an adapter's, which goes to --adapter" if "peft_type" in config.fields else "none of a model"
        raise InvalidInput(
            f"{config.source}: there is no model_type, so this config is {adapter}; give a model's config.json"
        )
    if model_type not in FAMILIES:
        from difflib import get_close_matches

        near = get_close_matches(model_type[:40], FAMILIES, 3) or FAMILIES
        raise UnknownArchitecture(
            f"{config.source}: model_type {quote(model_type)} is not known; known are {', '.join(near)}"
        )
    if config.fields.get("per_layer_config"):
        raise UnknownArchitecture(f"{config.source}: per_layer_config makes layers differ, which is not known yet")
    for activation in ACTIVATIONS:
        if config.fields.get(activation) in TRAINED_ACTIVATIONS:
            raise UnknownArchitecture(
                f"{config.source}: {activation} {quote(config.fields[activation])} has parameters, which are not known yet"
            )
    classes = import_module(f"lora_cli.models.architectures.{FAMILIES[model_type]}").CLASSES[model_type]
    named = config.items("architectures")
    name = named[0] if named else next(iter(classes))
    if not isinstance(name, str) or name not in classes:
        raise UnknownArchitecture(
            f"{config.source}: architecture {quote(name)} is not known for {model_type}; choose from: {', '.join(classes)}"
        )
    build = classes[name]
    result = build(config)
    assert isinstance(result, Skeleton)
    return result
