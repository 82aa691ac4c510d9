"""A file per family of models: config.json fields in, modules out.

A family's file has `CLASSES`: for each `model_type` the classes it can be built as, the one that is
taken when config.json names none first, and how each is written down.
"""

from __future__ import annotations

from importlib import import_module

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Skeleton

FAMILIES = {
    "bert": "encoders.bert",
    "roberta": "encoders.roberta",
    "xlm-roberta": "encoders.xlm_roberta",
    "distilbert": "encoders.distilbert",
    "deberta-v2": "encoders.deberta_v2",
    "electra": "encoders.electra",
    "vit": "vision.vit",
    "clip": "multimodal.clip",
    "clip_text_model": "multimodal.clip",
    "clip_vision_model": "multimodal.clip",
    "gpt2": "decoders.gpt2",
    "gpt_neox": "decoders.gpt_neox",
    "gptj": "decoders.gptj",
    "opt": "decoders.opt",
    "bloom": "decoders.bloom",
    "falcon": "decoders.falcon",
    "deepseek_v3": "mixtures.deepseek_v3",
    "gpt_oss": "mixtures.gpt_oss",
    "t5": "seq2seq.t5",
    "mt5": "seq2seq.t5",
    "bart": "seq2seq.bart",
    "whisper": "audio.whisper",
    "llama": "decoders.llama",
    "mistral": "decoders.mistral",
    "mixtral": "mixtures.mixtral",
    "qwen2": "decoders.qwen2",
    "qwen2_moe": "decoders.qwen2",
    "qwen3": "decoders.qwen3",
    "qwen3_moe": "decoders.qwen3",
    "gemma": "decoders.gemma",
    "gemma2": "decoders.gemma",
    "gemma3_text": "decoders.gemma",
    "phi": "decoders.phi",
    "phi3": "decoders.phi3",
    "olmo2": "decoders.olmo2",
    "cohere": "decoders.cohere",
    "granite": "decoders.granite",
    "glm4": "decoders.glm4",
    "smollm3": "decoders.smollm3",
    "starcoder2": "decoders.starcoder2",
    "stablelm": "decoders.stablelm",
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
