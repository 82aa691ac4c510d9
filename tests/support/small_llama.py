"""A small Llama for tests, in two widths, and the count of any method on the narrow one."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config


def llama(**fields: Any) -> dict[str, Any]:
    """Return the config.json of a Llama of two layers, 64 wide, with 100 tokens; `fields` change it."""
    return {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 100,
    } | fields


def narrow(**fields: Any) -> dict[str, Any]:
    """Return the same of 16 wide with 24 hidden units and 50 tokens."""
    return llama(hidden_size=16, intermediate_size=24, vocab_size=50) | fields


# What `llama()` holds: embeddings and head, the last norm, and in each layer attention, feed-forward and two norms.
LLAMA_PARAMS = 2 * 100 * 64 + 64 + 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64)
BOTH = {"target_modules": ["q_proj", "down_proj"]}


def cost(method: str, model: dict[str, Any] | None = None, **fields: Any) -> ModelCount:
    """Return the count of a method's adapter_config.json on the small model, or another."""
    config, unknown = read_adapter_config(Config({"peft_type": method.upper(), **fields}, "adapter_config.json"))
    assert unknown == []
    return count_model(read_config(Config(narrow(**(model or {}))), "small"), config)


def refusal(method: str, model: dict[str, Any] | None = None, **fields: Any) -> str:
    """Return the sentence that refuses these fields."""
    with pytest.raises(InvalidInput) as caught:
        cost(method, model, **fields)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 400
    return sentence
