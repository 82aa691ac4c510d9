"""What transformers refuses in a config.json although the model can be counted, for a warning beside the count.

`python tests/peft/loading.py` records it in lora_cli/models/loading.json: for each model type the fields that must not
be null, the padding token where config.json names none, whether it must be inside the vocabulary, whether a rotary
embedding must have its keys, and which types of them it does not take. It needs the `peft` extra and timm.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import transformers

from lora_cli.models.registry import family, model_types

sys.path.insert(0, str(Path(__file__).parent))
import drawn

RECORDED = Path(__file__).parents[2] / "lora_cli" / "models" / "loading.json"
LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers", "decoder_layers")
VOCABULARY = 40
# Where layers have rotary embeddings of two kinds, a class looks at some of this only: nothing is said of those.
WITHOUT_FACTOR = ({"rope_type": "linear"}, {"type": "yarn"})
# Rotary embeddings of each type with all that they need, but for lists, whose lengths depend on the model.
COMPLETE: Mapping[str, Mapping[str, Any]] = {
    "linear": {"factor": 2.0},
    "dynamic": {"factor": 2.0},
    "yarn": {"factor": 2.0, "original_max_position_embeddings": 16},
    "llama3": {
        "factor": 2.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
        "rope_theta": 1e4,
    },
}
# Fields that a model may read although its config class does not have them.
ALSO_READ = ("head_dim", "num_key_value_heads")
# What a type needs to be built, or to have attention among two layers.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "aya_vision": {"vision_config": {"num_attention_heads": 16}},
    "bamba": {"attn_layer_indices": [0]},
    "granitemoehybrid": {"num_hidden_layers": 2, "layer_types": ["attention", "mamba"]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2_moe": {"num_hidden_layers": 2, "layer_types": ["attention", "conv"]},
    "recurrent_gemma": {"block_types": ["attention"]},
}


def is_refused(model_type: str, fields: Mapping[str, Any]) -> bool:
    """Return whether transformers refuses to read the fields, or to build the first class of the family from them."""
    drawn.skip_without_timm(model_type)
    config_class = transformers.models.auto.configuration_auto.CONFIG_MAPPING[model_type]
    fields = {**dict.fromkeys(family(model_type).required, 8), **fields}
    with warnings.catch_warnings(action="ignore"), torch.device("meta"):
        try:
            needed = {**drawn.NEEDED.get(model_type, {}), **NEEDED.get(model_type, {})}
            read = config_class(**deepcopy({**needed, **fields}))
            getattr(transformers, next(iter(family(model_type).classes)))(read)
        # A wrong config can make transformers raise anything.
        except Exception:  # noqa: BLE001
            return True
    return False


def rope(kind: str) -> dict[str, Any]:
    """Return a rotary embedding of a type with all that it needs; transformers adds to what it is given."""
    return {"rope_type": kind, **COMPLETE[kind]}


def fields_of(model_type: str) -> frozenset[str]:
    """Return the fields of the config class, and what a model may read beside them."""
    return frozenset(transformers.models.auto.configuration_auto.CONFIG_MAPPING[model_type]().to_dict()) | {*ALSO_READ}


def looked_up(model_type: str) -> dict[str, Any]:
    """Return what is recorded of a model type."""
    defaults = transformers.models.auto.configuration_auto.CONFIG_MAPPING[model_type]()
    few = {field: 2 for field in LAYERS if hasattr(defaults, field)}
    small = {} if is_refused(model_type, few) else few
    beyond = {"vocab_size": VOCABULARY, "pad_token_id": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2}
    return {
        "not_null": [field for field in sorted(fields_of(model_type)) if is_refused(model_type, small | {field: None})],
        "padding": getattr(defaults, "pad_token_id", None),
        "padded": is_refused(model_type, small | beyond),
        "rope": all(is_refused(model_type, small | {"rope_scaling": dict(each)}) for each in WITHOUT_FACTOR),
        "no_ropes": [kind for kind in COMPLETE if is_refused(model_type, small | {"rope_scaling": rope(kind)})],
    }


def record() -> None:
    """Write the record anew."""
    logging.disable(logging.WARNING)
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}"
    head = {"made by": "python tests/peft/loading.py", "with": versions}
    lines = [f"{json.dumps(name)}: {json.dumps(looked_up(name))}" for name in model_types()]
    types = ",\n".join(lines)
    RECORDED.write_text(f'{{"made": {json.dumps(head)},\n"types": {{\n{types}\n}}}}\n')


if __name__ == "__main__":
    record()
