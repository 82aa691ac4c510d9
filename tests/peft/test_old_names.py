"""Keys from before transformers 5 in adapters of models with a tower: PEFT finds those that we say it finds."""

from __future__ import annotations

import warnings
from typing import Any

import peft
import pytest
import torch
import transformers
from peft.utils.save_and_load import get_peft_model_state_dict, set_peft_model_state_dict
from transformers import AutoConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    MODEL_FOR_MULTIMODAL_LM_MAPPING,
    MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING,
)

from lora_cli.methods.adapter_file.old_names import TEXT_TYPES, key_when_loaded

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": 64,
    "pad_token_id": 0,
}
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
# Models of towers that PEFT does not convert.
OTHERS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "idefics3", "cohere2_vision", "janus")
MAPPINGS: tuple[Any, ...] = (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    MODEL_FOR_MULTIMODAL_LM_MAPPING,
    MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
)
ROOT = "base_model.model."
# How the keys of today were spelled, or never.
OLD = {
    "the text model with its head": ("model.language_model.", "language_model.model."),
    "a tower within a tower": ("model.vision_tower.", "vision_tower.vision_model."),
    "a tower within a tower, moved": ("model.vision_tower.", "model.vision_tower.vision_model."),
    "the text model alone": ("model.language_model.", "model."),
    "the text model without the model around it": ("model.language_model.", "language_model."),
    "without PEFT's root": ("", ""),
}


def _adapted(model_type: str) -> peft.PeftModel | None:
    """Return an adapted small model without values, or None where no class of transformers generates with the type."""
    plain = AutoConfig.for_model(model_type)
    small: dict[str, Any] = {}
    if model_type not in {"mllama", "voxtral_realtime"} and hasattr(plain, "text_config"):
        small["text_config"] = TEXT | {"model_type": plain.text_config.model_type}
    if model_type == "aya_vision":
        small["vision_config"] = TOWER | {"model_type": plain.vision_config.model_type}
    config = CONFIG_MAPPING[model_type](**small)
    found = next((mapping[type(config)] for mapping in MAPPINGS if type(config) in mapping), None)
    model_class = found[0] if isinstance(found, tuple) else found
    if model_class is None:
        return None
    with torch.device("meta"):
        model = model_class(config)
    return peft.PeftModel(model, peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj", "query_key_value"]))


@pytest.mark.parametrize("model_type", [*sorted(TEXT_TYPES), *OTHERS])
def test_old_keys_are_found_where_peft_finds_them(model_type: str) -> None:
    """Each way to spell the keys of a model, which PEFT converts on some types and skips on others."""
    transformers.logging.set_verbosity_error()
    with warnings.catch_warnings(action="ignore"):
        adapted = _adapted(model_type)
        if adapted is None:
            pytest.skip("no class generates text with it")
        tensors = get_peft_model_state_dict(adapted)
        for name, (new, old) in OLD.items():
            root = ROOT if new else ""
            spelled = {key: root + old + key[len(ROOT + new) :] for key in tensors if key.startswith(ROOT + new)}
            result = set_peft_model_state_dict(adapted, {spelled[key]: tensors[key] for key in spelled})
            ours = [key for key, other in spelled.items() if key_when_loaded(other, model_type) != key]
            assert len(result.unexpected_keys) == len(ours), f"{name}: {result.unexpected_keys[:3]}"
