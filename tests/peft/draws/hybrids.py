"""What is drawn for models whose layers mix tokens by a state or a short convolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Draws = Mapping[str | tuple[str, ...], Sequence[Any]]
# A width or a vocabulary that is left out makes models too large to be built with values, so these are always drawn.
BOTH = [True, False]
COMMON: Draws = {
    ("hidden_size",): [(16,), (64,), (96,)],
    "intermediate_size": [24, 40],
    "num_hidden_layers": [3],
    "num_attention_heads": [4, 8],
    "num_key_value_heads": [1, 2, 4],
    ("vocab_size",): [(50,), (77,)],
    "tie_word_embeddings": BOTH,
    "num_labels": [1, 5],
}
MIXED = [None, ["mamba", "attention", "mamba"], ["full_attention", "linear_attention", "full_attention"]]

DELTA_NET: Draws = {
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
EXPERTS: Draws = {
    "num_experts": [3, 8],
    "moe_intermediate_size": [12, 20],
    "shared_expert_intermediate_size": [14, 30],
}
MAMBA2: Draws = {
    **COMMON,
    ("hidden_size", "mamba_expand", "mamba_n_heads"): [(64, 2, 128), (32, 1, 4), (48, 2, 6), (128, 1, 16)],
    "num_key_value_heads": [None, 1, 4],
    "attention_bias": BOTH,
    "mamba_n_groups": [1, 2],
    "mamba_d_state": [5, 16],
    "mamba_d_conv": [2, 4],
    "mamba_d_head": ["auto"],
    "mamba_conv_bias": [None, *BOTH],
    "mamba_proj_bias": [None, *BOTH],
}

CONVOLUTIONS: Draws = {
    **COMMON,
    ("layer_types",): [
        (["conv", "attention", "conv"],),
        (["full_attention", "conv", "full_attention"],),
        (["conv", "conv", "conv"],),
    ],
    "conv_bias": BOTH,
    "conv_L_cache": [2, 4],
    "tie_embedding": BOTH,
}
STATE: Draws = {
    "num_hidden_layers": [1, 2],
    ("vocab_size",): [(50,), (77,)],
    "tie_word_embeddings": BOTH,
    "state_size": [5, 16],
    "conv_kernel": [2, 4],
    "use_bias": BOTH,
    "use_conv_bias": BOTH,
}

DRAWS: dict[str, Draws] = {
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
        ("mamba_d_ssm", "mamba_n_heads"): [(None, 4), (128, 8), (48, 12)],
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
    "lfm2": {
        **CONVOLUTIONS,
        ("layer_types", "full_attn_idxs"): [
            (None, None),
            (None, []),
            (None, [0, 2]),
            (["conv", "attention", "conv"], [0]),
        ],
        "block_ff_dim": [30, 600],
        "block_multiple_of": [16, 256],
        "block_ffn_dim_multiplier": [0.5, 1, 1.3],
        "block_auto_adjust_ff_dim": BOTH,
    },
    "lfm2_moe": {
        **CONVOLUTIONS,
        "num_dense_layers": [0, 1, 2, 4],
        "num_experts": [3, 8],
        "moe_intermediate_size": [12, 20],
        "use_expert_bias": BOTH,
    },
    "mamba": {
        **STATE,
        ("hidden_size",): [(16,), (40,)],
        "expand": [1, 2],
        "intermediate_size": [24, 40],
        "time_step_rank": ["auto", 3],
    },
    "mamba2": {
        **STATE,
        ("hidden_size", "expand", "num_heads", "head_dim"): [(64, 2, 8, 16), (32, 1, 4, 8), (24, 2, 6, 8)],
        "n_groups": [1, 2],
    },
    "nemotron_h": {
        **COMMON,
        ("layers_block_type", "hybrid_override_pattern"): [
            (None, "M*M-"),
            (None, "ME*-E"),
            (["mamba", "mlp", "attention"], "M"),
            (["linear_attention", "moe", "full_attention", "moe"], "M*"),
        ],
        "head_dim": [8, 12],
        "mlp_bias": BOTH,
        "use_bias": BOTH,
        "use_conv_bias": BOTH,
        "mamba_num_heads": [2, 4],
        "mamba_head_dim": [6, 8],
        "n_groups": [1, 2],
        "mamba_n_groups": [4],
        "conv_kernel": [2, 3],
        "ssm_state_size": [5, 16],
        "n_routed_experts": [3, 8],
        "moe_intermediate_size": [12, 20],
        "moe_shared_expert_intermediate_size": [14, 30],
        "moe_latent_size": [None, 10],
    },
    "jamba": {
        **COMMON,
        ("attn_layer_period", "attn_layer_offset"): [(2, 1), (3, 0), (8, 4)],
        ("expert_layer_period", "expert_layer_offset"): [(1, 0), (2, 1), (4, 0)],
        "num_experts": [0, 1, 3, 8],
        "mamba_expand": [1, 2],
        "mamba_d_state": [5, 16],
        "mamba_d_conv": [2, 4],
        "mamba_dt_rank": ["auto", 3],
        "mamba_conv_bias": BOTH,
        "mamba_proj_bias": BOTH,
    },
    "zamba2": {
        **COMMON,
        ("num_hidden_layers", "layers_block_type"): [
            (3, ["mamba", "hybrid", "hybrid"]),
            (4, ["hybrid", "mamba", "hybrid", "hybrid"]),
            (2, ["linear_attention", "mamba"]),
        ],
        ("num_attention_heads", "num_key_value_heads"): [(4, None), (4, 2), (2, 1)],
        "attention_head_dim": [12],
        "num_mem_blocks": [1, 2],
        "use_shared_attention_adapter": BOTH,
        "adapter_rank": [3, 5],
        "add_bias_linear": BOTH,
        "use_mem_rope": BOTH,
        "intermediate_size": [None, 24],
        "n_mamba_heads": [2, 4],
        "mamba_expand": [1, 2],
        "mamba_ngroups": [1, 2],
        "mamba_d_state": [5, 16],
        "mamba_d_conv": [2, 4],
    },
    "recurrent_gemma": {
        **COMMON,
        "num_key_value_heads": [None, 1, 4],
        "attention_bias": BOTH,
        "block_types": [["recurrent", "attention"], ["attention"], ["recurrent"]],
        "lru_width": [None, 24, 40],
        "conv1d_width": [2, 4],
        "head_dim": [6, 8],
    },
    "rwkv": {
        ("hidden_size",): [(16,), (40,)],
        "num_hidden_layers": [2, 3],
        ("vocab_size",): [(50,), (77,)],
        "tie_word_embeddings": BOTH,
        "attention_hidden_size": [None, 24],
        "intermediate_size": [None, 30],
    },
}
