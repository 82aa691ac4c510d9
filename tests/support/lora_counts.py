"""LoRA configs on small models, counted: PEFT's figures of an adapter_config.json, on q_proj unless told otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import llama

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

LLAMA = llama(num_hidden_layers=4)
TIED = LLAMA | {"tie_word_embeddings": True}
# Their parameters, and what rank 8 on four q_proj trains.
FULL, FULL_TIED = 177_216, 170_816
PLAIN = 4096


def cost(model: dict[str, Any], **fields: Any) -> ModelCount:
    """Return the count of an adapter_config.json on a model, on q_proj unless other targets are given."""
    config, unknown = read_adapter_config(
        Config({"peft_type": "LORA", "target_modules": ["q_proj"]} | fields, "adapter_config.json")
    )
    assert unknown == []
    return count_model(read_config(Config(model), "small"), config)


def figures(model: dict[str, Any], **fields: Any) -> tuple[int, int, int]:
    """Return PEFT's two figures and the number of adapted modules."""
    found = cost(model, **fields)
    return found.trainable_params, found.all_params, found.adapted_modules


def refusal(model: dict[str, Any], **fields: Any) -> str:
    """Return the sentence that refuses these fields."""
    with pytest.raises(InvalidInput) as caught:
        cost(model, **fields)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 400
    return sentence
