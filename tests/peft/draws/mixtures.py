"""What to draw for mixtures of experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BOTH = [True, False]
COMMON: Mapping[str, Sequence[Any]] = {
    "hidden_size": [16, 32],
    "intermediate_size": [24, 40],
    "num_hidden_layers": [1, 2, 3],
    "num_attention_heads": [4, 8],
    "vocab_size": [50, 77],
    "tie_word_embeddings": BOTH,
    "num_labels": [1, 5],
}
GROUPS = {"num_key_value_heads": [1, 2, 4]}
NULL_GROUPS = {"num_key_value_heads": [None, 1, 4]}
# Drawn or left out: most configs of transformers take no null here.
WIDTH = {"head_dim": [6, 10]}
BIAS = {"attention_bias": BOTH}
FIRST = {"first_k_dense_replace": [0, 1, 2, 9]}
TYPES = {
    "num_hidden_layers": [3],
    "mlp_layer_types": [None, ["sparse", "dense", "sparse"], ["dense", "sparse", "dense"]],
}
EXPERTS = {
    "moe_intermediate_size": [7, 12],
    "n_routed_experts": [4, 8],
    "n_shared_experts": [1, 3],
}
# Multi-head latent attention.
LATENT = {
    **BIAS,
    "num_key_value_heads": [4, 8],
    "kv_lora_rank": [5, 9],
    "q_lora_rank": [None, 7],
    "qk_rope_head_dim": [4, 8],
    "qk_nope_head_dim": [3, 6],
    "v_head_dim": [5, 10],
}

DRAWS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "deepseek_v2": {**COMMON, **LATENT, **EXPERTS, **FIRST, "mlp_bias": BOTH},
    "glm4_moe": {**COMMON, **GROUPS, **WIDTH, **BIAS, **EXPERTS, **FIRST, "use_qk_norm": BOTH},
    "glm4_moe_lite": {**COMMON, **LATENT, **EXPERTS, **TYPES, "head_dim": [6]},
    "mistral4": {**COMMON, **LATENT, **EXPERTS, **FIRST, "num_local_experts": [6]},
    "dots1": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, **EXPERTS, **FIRST},
}
# transformers has no default for these.
NEEDED: Mapping[str, Mapping[str, Any]] = {"dots1": {"n_routed_experts": 4, "n_shared_experts": 2}}
