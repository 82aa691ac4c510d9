"""What transformers refuses in a config.json that can be counted all the same: only loading such a model fails.

`transformers.configuration_utils`: `PreTrainedConfig.validate_layer_type`; `transformers.modeling_rope_utils`;
`torch.nn.Embedding`. What a class makes of null, of a padding token and of rotary embeddings is recorded in loading.json.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lora_cli.errors import quote
from lora_cli.models.config import Config, key

RECORDED = os.path.join(os.path.dirname(__file__), "loading.json")
LAYER_TYPES = ("layer_types", "mlp_layer_types")
ROPE = ("rope_parameters", "rope_scaling")
# The keys that each type of rotary embedding needs, but for those that transformers fills in.
ROPE_KEYS = {
    "linear": ("factor",),
    "dynamic": ("factor",),
    "yarn": ("factor",),
    "longrope": ("short_factor", "long_factor"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor"),
}


def refused_fields(config: Config, layers: int | None) -> Iterator[str]:
    """Yield what transformers refuses in a config of a model type that is known, with that many `layers`."""
    with open(RECORDED, encoding="utf-8") as file:
        known: Mapping[str, Any] | None = json.load(file)["types"].get(config.fields.get("model_type"))
    fields = config.fields
    if known is not None:
        yield from (f"{key(field)} is null" for field in known["not_null"] if field in fields and fields[field] is None)
        yield from _padding(fields, known)
        yield from _rope(fields, known["no_ropes"]) if known["rope"] else ()
    for name in LAYER_TYPES:
        types = fields.get(name)
        if isinstance(types, list) and layers is not None and len(types) != layers:
            yield f"{name} has {len(types)} entries for {layers} layers"


def _padding(fields: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    token, vocabulary = fields.get("pad_token_id", known["padding"]), fields.get("vocab_size")
    if not (known["padded"] and type(token) is int and type(vocabulary) is int):
        return
    if not -vocabulary <= token < vocabulary:
        default = "" if "pad_token_id" in fields else ", the default,"
        yield f"pad_token_id {quote(token)}{default} is outside the vocabulary of {vocabulary}"


def _rope(fields: Mapping[str, Any], refused: Collection[str]) -> Iterator[str]:
    for name in ROPE:
        rope = fields.get(name)
        if not isinstance(rope, dict):
            continue
        kind = rope.get("rope_type", rope.get("type"))
        if not isinstance(kind, str):
            continue
        missing = [each for each in ROPE_KEYS.get(kind, ()) if each not in rope]
        if kind in refused:
            yield f"{name} is of type {kind}, which this class does not take"
        elif missing:
            yield f"{name} of type {kind} has no {' and no '.join(missing)}"
