"""What is recorded of loading, against the installed transformers, on drawn nulls, padding tokens and layer types."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from lora_cli.models.config import Config
from lora_cli.models.loading import refused_fields
from lora_cli.models.registry import model_types

sys.path.insert(0, str(Path(__file__).parent))
import loading
from seed import SEED, turns

FIELDS = ("tie_word_embeddings", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_size", "use_cache")
RECORDED_TYPES = json.loads(loading.RECORDED.read_text())["types"]
ROPES = (
    {"rope_type": "linear"},
    {"rope_type": "linear", "factor": 2.0},
    {"type": "yarn"},
    {"rope_type": "llama3", "factor": 2.0},
)


@pytest.mark.parametrize("model_type", model_types())
@pytest.mark.parametrize("turn", turns(4))
def test_transformers_refuses_what_the_warning_says(model_type: str, turn: int) -> None:
    """One thing that may be wrong at a time."""
    source = random.Random(f"{SEED}/{model_type}/{turn}")
    fields = source.choice(
        [
            {source.choice(FIELDS): None},
            {"pad_token_id": source.choice([39, 40, -1]), "bos_token_id": 1, "eos_token_id": 2, "vocab_size": 40},
            {"rope_scaling": dict(source.choice(ROPES))},
        ]
    )
    field = next(iter(fields))
    # A field that the class does not have is kept as it is, and read by nothing.
    if fields[field] is None and field not in loading.fields_of(model_type):
        return
    # Of some classes nothing is said of rotary embeddings.
    if field == "rope_scaling" and not RECORDED_TYPES[model_type]["rope"]:
        return
    refused = list(refused_fields(Config({"model_type": model_type, **fields}), None))
    assert bool(refused) == loading.is_refused(model_type, fields), (SEED, fields, refused)
