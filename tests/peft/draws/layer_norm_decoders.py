"""What is drawn for the decoders with LayerNorms that came after GPT-2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BOTH = [True, False]
LAYERS = [1, 2, 3]

COMMON: Mapping[str, Sequence[Any]] = {
    "vocab_size": [50, 77],
    "tie_word_embeddings": BOTH,
    "num_labels": [1, 5],
}
GPT2: Mapping[str, Sequence[Any]] = {
    **COMMON,
    "n_embd": [24, 48],
    "hidden_size": [72, 96],
    "n_layer": [4],
    "num_hidden_layers": LAYERS,
    "n_head": [2, 4],
    "num_attention_heads": [2, 4],
    "n_inner": [None, 40],
    "n_positions": [9, 20],
}

DRAWS: dict[str, Mapping[str, Sequence[Any]]] = {
    "persimmon": {
        **COMMON,
        "hidden_size": [32, 64],
        "intermediate_size": [24, 40],
        "num_hidden_layers": LAYERS,
        "num_attention_heads": [4, 8],
        "qk_layernorm": BOTH,
    },
    "mpt": {
        **COMMON,
        "d_model": [24, 48],
        "hidden_size": [30, 72],
        "n_layers": [4],
        "num_hidden_layers": LAYERS,
        "n_heads": [2, 4],
        "expansion_ratio": [2, 4],
        "no_bias": BOTH,
        "attn_config": [None, {"qk_ln": True}],
    },
    "gpt_bigcode": {**GPT2, "multi_query, add_cross_attention": [(True, False), (False, True), (False, False)]},
    "gpt_neo": {
        **COMMON,
        "hidden_size": [24, 48],
        ("num_layers", "attention_types"): [(2, [[["global", "local"], 1]]), (3, [[["global"], 2], [["local"], 1]])],
        "num_heads": [2, 4],
        "intermediate_size": [None, 40],
        "max_position_embeddings": [9, 20],
    },
    "codegen": {**GPT2, "rotary_dim": [2, 4], "n_ctx": [16]},
    "xglm": {
        **COMMON,
        "d_model": [32, 48],
        "hidden_size": [16, 64],
        "num_layers": [4],
        "num_hidden_layers": LAYERS,
        "attention_heads": [2, 4],
        "ffn_dim": [20, 30],
        "max_position_embeddings": [9, 20],
        "add_cross_attention": BOTH,
    },
}
