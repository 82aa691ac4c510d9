"""A small Llama under any method: blocks of 16 wide with 24 hidden units, two of them, and 50 tokens."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 50,
}
BOTH = {"target_modules": ["q_proj", "down_proj"]}


def cost(method: str, model: dict[str, Any] | None = None, **fields: Any) -> ModelCount:
    """Return the count of a method's adapter_config.json on the small model, or another."""
    config, unknown = read_adapter_config(Config({"peft_type": method.upper(), **fields}, "adapter_config.json"))
    assert unknown == []
    return count_model(read_config(Config(LLAMA | (model or {})), "small"), config)


def refusal(method: str, model: dict[str, Any] | None = None, **fields: Any) -> str:
    """Return the sentence that refuses these fields."""
    with pytest.raises(InvalidInput) as caught:
        cost(method, model, **fields)
    sentence = str(caught.value)
    assert sentence.isascii()
    assert sentence.isprintable()
    assert len(sentence) < 400
    return sentence
