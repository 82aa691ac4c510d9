"""What transformers refuses in a config.json that is counted; tests/peft/test_loading.py compares it with transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_cli.models.config import Config
from lora_cli.models.loading import RECORDED, refused_fields
from lora_cli.models.registry import model_types
from lora_cli.models.sources.read_model import read_model

SMALL = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 40}


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"model_type": "mistral", "num_key_value_heads": None}, "num_key_value_heads is null"),
        ({"model_type": "phi", "tie_word_embeddings": None}, "tie_word_embeddings is null"),
        ({"model_type": "glm4", "head_dim": 4}, "pad_token_id 151329, the default, is outside the vocabulary of 40"),
        ({"model_type": "llama", "pad_token_id": 40}, "pad_token_id 40 is outside the vocabulary of 40"),
        ({"model_type": "llama", "pad_token_id": -41}, "pad_token_id -41 is outside the vocabulary of 40"),
        ({"model_type": "qwen3_moe", "head_dim": None}, "head_dim is null"),
        ({"model_type": "llama", "layer_types": ["full_attention"]}, "layer_types has 1 entries for 2 layers"),
        (
            {"model_type": "bert", "rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
            "rope_scaling of type llama3 has no low_freq_factor and no high_freq_factor",
        ),
        ({"model_type": "llama", "rope_parameters": {"type": "yarn"}}, "rope_parameters of type yarn has no factor"),
    ],
    ids=str,
)
def test_what_is_refused_is_counted_with_a_warning(fields: dict[str, Any], refused: str, tmp_path: Path) -> None:
    """The model has its parameters; only loading it would fail."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(SMALL | fields))
    model = read_model(path)
    assert model.full_params > 0
    assert [refused in warning for warning in model.warnings] == [True]
    assert "transformers does not load this model" in model.warnings[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"model_type": "llama", "pad_token_id": -1, "num_key_value_heads": None, "head_dim": None},
        {"model_type": "gpt2", "pad_token_id": 50},
        {"model_type": "llama", "rope_scaling": {"rope_type": "linear", "factor": 2.0}, "layer_types": None},
        {"model_type": "llama", "rope_scaling": {"rope_type": "unknown"}, "pad_token_id": [2, 3]},
        {"model_type": "nobody knows", "vocab_size": None},
    ],
    ids=str,
)
def test_what_is_loaded_has_no_warning(fields: dict[str, Any]) -> None:
    """Nor has what is not known."""
    assert list(refused_fields(Config(SMALL | fields), 2)) == []


def test_every_model_type_is_recorded() -> None:
    """And the command makes the record again, with these versions."""
    recorded = json.loads(Path(RECORDED).read_text(encoding="utf-8"))
    assert sorted(recorded["types"]) == model_types()
    assert recorded["made"]["made by"] == "python tests/peft/loading.py"
    assert "transformers " in recorded["made"]["with"]
