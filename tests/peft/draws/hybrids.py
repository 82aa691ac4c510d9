"""What is drawn for models whose layers mix tokens by a state or a short convolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BOTH = [True, False]
COMMON: Mapping[str, Sequence[Any]] = {
    "hidden_size": [16, 64, 96],
    "intermediate_size": [24, 40],
    "num_hidden_layers": [3],
    "num_attention_heads": [4, 8],
    "num_key_value_heads": [1, 2, 4],
    "vocab_size": [50, 77],
    "tie_word_embeddings": BOTH,
    "num_labels": [1, 5],
}
MIXED = [None, ["mamba", "attention", "mamba"], ["full_attention", "linear_attention", "full_attention"]]

DELTA_NET: Mapping[str, Sequence[Any]] = {
    **COMMON,
    "head_dim": [8, 12],
    "attention_bias": BOTH,
    "full_attention_interval": [1, 2, 4],
    "layer_types": MIXED,
    "linear_conv_kernel_dim": [2, 4],
    "linear_key_head_dim": [6, 10],
    "linear_value_head_dim": [5, 8],
    "linear_num_key_heads": [1, 2],
    "linear_num_value_heads": [2, 4],
}
EXPERTS: Mapping[str, Sequence[Any]] = {
    "num_experts": [3, 8],
    "moe_intermediate_size": [12, 20],
    "shared_expert_intermediate_size": [14, 30],
}
# The width of Mamba must be divisible by mamba_n_heads, by default 128.
MAMBA2: Mapping[str, Sequence[Any]] = {
    **COMMON,
    "hidden_size": [64, 128],
    "num_key_value_heads": [None, 1, 4],
    "attention_bias": BOTH,
    "mamba_expand": [2, 4],
    "mamba_n_heads": [2, 4, 8],
    "mamba_n_groups": [1, 2],
    "mamba_d_state": [5, 16],
    "mamba_d_conv": [2, 4],
    "mamba_d_head": ["auto"],
    "mamba_conv_bias": [None, *BOTH],
    "mamba_proj_bias": [None, *BOTH],
}

DRAWS: dict[str, Mapping[str, Sequence[Any]]] = {
    "qwen3_next": {
        **DELTA_NET,
        **EXPERTS,
        "num_experts": [0, 3, 8],
        "decoder_sparse_step": [1, 2],
        "mlp_only_layers": [None, [], [0], [1, 2]],
    },
    "qwen3_5_text": DELTA_NET,
    "qwen3_5_moe_text": {**DELTA_NET, **EXPERTS},
    "falcon_h1": {
        **MAMBA2,
        "mlp_bias": BOTH,
        "mamba_d_ssm": [None, 128, 256],
        "mamba_rms_norm": BOTH,
        "projectors_bias": [None, *BOTH],
    },
    "bamba": {**MAMBA2, "mlp_bias": BOTH, "attn_layer_indices": [None, [], [1], [0, 2], [7]]},
    "granitemoehybrid": {
        **MAMBA2,
        "layer_types": MIXED,
        "num_local_experts": [0, 3, 8],
        "shared_intermediate_size": [14, 30],
        "position_embedding_type": [None, "rope", "nope"],
    },
}
