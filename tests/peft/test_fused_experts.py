"""The mixtures whose targets PEFT rewrites, against transformers' conversion mapping and PEFT's counts on these models."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from peft.utils import transformers_weight_conversion as conversion
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from lora_cli import InvalidInput
from lora_cli.analysis.count.model_count import count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.targeting.model_types import EXPERTS
from lora_cli.models.config import Config
from lora_cli.models.sources.installed_transformers import build

LAYERS = {"num_hidden_layers": 4}
# Sizes without which transformers' default config cannot be built, and the small parts of composed models.
FIELDS: dict[str, dict[str, Any]] = {
    "dots1": {"n_routed_experts": 8, "n_shared_experts": 2},
    "hunyuan_v1_moe": {"head_dim": 64},
    "glm4v_moe": {"text_config": LAYERS, "vision_config": {"depth": 2}},
    "qwen3_omni_moe_thinker": {
        "text_config": LAYERS,
        "vision_config": {"depth": 2},
        "audio_config": {"encoder_layers": 2},
    },
}
FIELDS["qwen3_omni_moe"] = {
    "thinker_config": FIELDS["qwen3_omni_moe_thinker"],
    "enable_audio_output": False,
}
# The classes that no AutoModel knows.
CLASSES = {
    "qwen3_omni_moe": "Qwen3OmniMoeForConditionalGeneration",
    "qwen3_omni_moe_text": "Qwen3OmniMoeThinkerTextModel",
}
ADAPTERS: dict[str, dict[str, Any]] = {
    "all-linear": {"target_modules": "all-linear"},
    "old names": {"target_modules": ["q_proj", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"]},
    "old names and the router": {"target_modules": ["gate", "o_proj", "gate_proj", "up_proj", "w1", "w3"]},
    "a pattern": {"target_modules": r".*\.(q_proj|gate_proj|up_proj|w1|w3)"},
    "half": {"target_modules": ["q_proj", "gate_proj", "w3"]},
    "the default": {},
    "DoRA": {"target_modules": "all-linear", "use_dora": True},
}


def test_the_table_is_that_of_the_installed_transformers() -> None:
    """Both ways: no type is missing here, and none is too much; what became of each name is the same."""
    theirs = {
        model_type: (
            conversion._MOE_TARGET_MODULE_MAPPING[pattern],
            {new: tuple(old) for new, old in conversion._MOE_FUSED_TARGETS[pattern].items()},
        )
        for model_type, pattern in conversion._MODEL_TO_CONVERSION_PATTERN.items()
        # The mapping also has names of classes, which are not model types.
        if pattern in conversion._MOE_TARGET_MODULE_MAPPING and model_type in CONFIG_MAPPING_NAMES
    }
    assert {name: (dict(experts.renamed), dict(experts.fused)) for name, experts in EXPERTS.items()} == theirs


def _built(model_type: str) -> Any:
    """Return a model of few layers, as transformers builds it."""
    config = AutoConfig.for_model(model_type, **deepcopy(FIELDS.get(model_type, {})), **LAYERS)
    with warnings.catch_warnings(action="ignore"), torch.device("meta"):
        if model_type in CLASSES:
            return getattr(transformers, CLASSES[model_type])(config)
        try:
            return AutoModelForCausalLM.from_config(config)
        except ValueError:
            return AutoModel.from_config(config)


@pytest.mark.parametrize("model_type", EXPERTS)
def test_targets_reach_the_fused_experts_as_in_peft(model_type: str) -> None:
    """The two figures, or a refusal where PEFT refuses."""
    architecture = type(_built(model_type)).__name__
    fields = {"model_type": model_type, "architectures": [architecture], **FIELDS.get(model_type, {}), **LAYERS}
    model = build(Config(fields, "config.json"), "built")
    for name, adapter in ADAPTERS.items():
        with warnings.catch_warnings(action="ignore"):
            try:
                theirs: Any = get_peft_model(
                    _built(model_type), LoraConfig(r=8, **adapter)
                ).get_nb_trainable_parameters()
            except ValueError:
                theirs = None
        try:
            read, _ = read_adapter_config(Config({"peft_type": "LORA", "r": 8, **adapter}, "adapter_config.json"))
            cost = count_model(model, read)
            ours: Any = cost.trainable_params, cost.all_params
        except InvalidInput:
            ours = None
        assert ours == theirs, f"{name} on {architecture}"
