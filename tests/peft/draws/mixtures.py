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
INDEXER = {"q_lora_rank": [7], "index_n_heads": [2, 3], "index_head_dim": [4, 8]}

DRAWS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "deepseek_v2": {**COMMON, **LATENT, **EXPERTS, **FIRST, "mlp_bias": BOTH},
    "glm4_moe": {**COMMON, **GROUPS, **WIDTH, **BIAS, **EXPERTS, **FIRST, "use_qk_norm": BOTH},
    "ernie4_5_moe": {
        **COMMON,
        **GROUPS,
        **WIDTH,
        "use_bias": BOTH,
        "moe_intermediate_size": [7, 12],
        "moe_num_experts": [4, 8],
        "moe_num_shared_experts": [0, 1, 3],
        "moe_layer_start_index": [0, 1, 2],
        "moe_layer_end_index": [-1, 0, 1, 9],
        "moe_layer_interval": [1, 2],
    },
    "granitemoe": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, "num_local_experts": [3, 8]},
    "minimax_m2": {**COMMON, **GROUPS, **WIDTH, "num_local_experts": [3, 8]},
    "glm_moe_dsa": {
        **COMMON,
        **LATENT,
        **INDEXER,
        **EXPERTS,
        **FIRST,
        **TYPES,
        "index_topk_freq": [0, 1, 2],
        "index_skip_topk_offset": [0, 1, 3],
        "index_topk_pattern": [None, None, "FSF", ["shared", "full", "full"]],
        "indexer_types": [None, None, ["full", "full", "shared"]],
    },
    "dbrx": {
        "d_model": [16, 32],
        "n_heads": [2, 4],
        "n_layers": [1, 2],
        "vocab_size": [50, 77],
        "attn_config": [{"rope_theta": 1e4, "kv_n_heads": groups, "clip_qkv": 8} for groups in (1, 2)],
        "ffn_config": [{"ffn_hidden_size": 24, "moe_num_experts": 3}, {"moe_num_experts": 2}, None],
        "num_labels": [1, 5],
    },
    "glm4_moe_lite": {**COMMON, **LATENT, **EXPERTS, **TYPES, "head_dim": [6]},
    "deepseek_v4": {
        **{name: values for name, values in COMMON.items() if name != "intermediate_size"},
        "moe_intermediate_size": [7, 12],
        "num_hidden_layers": [3],
        "num_experts_per_tok": [2, 3],
        "n_routed_experts": [4, 8],
        "head_dim": [8, 16],
        "q_lora_rank": [7],
        "o_groups": [2, 4],
        "o_lora_rank": [3, 5],
        "index_n_heads": [2, 3],
        "index_head_dim": [8, 16],
        "hc_mult": [2, 3],
        "mlp_bias": BOTH,
        "num_hash_layers": [0, 1, 9],
        "mlp_layer_types": [None, None, ["moe", "hash_moe", "moe"]],
        "compress_ratios": [None, [0, 4, 128, 4], [4, 4, 128]],
        "layer_types": [
            None,
            None,
            ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"],
        ],
        "compress_rates": [None, {"compressed_sparse_attention": 3, "heavily_compressed_attention": 5}],
        "compress_rate_csa": [None, 2],
    },
    "deepseek_v32": {**COMMON, **LATENT, **INDEXER, **EXPERTS, **FIRST, **TYPES},
    "hy_v3": {
        **COMMON,
        **GROUPS,
        **WIDTH,
        **BIAS,
        **TYPES,
        "mlp_bias": BOTH,
        "num_experts": [4, 8],
        "num_shared_experts": [0, 1, 3],
        "moe_intermediate_size": [7, 12],
    },
    "olmoe": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, "num_experts": [4, 8]},
    "qwen3_omni_moe_text": {
        **COMMON,
        **GROUPS,
        **WIDTH,
        **BIAS,
        "decoder_sparse_step": [1, 2],
        "mlp_only_layers": [None, [], [0], [1, 2]],
        "moe_intermediate_size": [12, 20],
        "num_experts": [0, 3, 8],
    },
    "hunyuan_v1_moe": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, "num_experts": [1, 4], "moe_topk": [1, [1, 1, 1]]},
    "minimax": {
        **COMMON,
        **GROUPS,
        "head_dim": [None, 6],
        "num_local_experts": [3, 8],
        "block_size": [2, 5],
        "num_hidden_layers": [3],
        "layer_types": [None, ["linear_attention", "linear_attention", "full_attention"]],
    },
    "phimoe": {**COMMON, **GROUPS, **WIDTH, **BIAS, "num_local_experts": [3, 8], "lm_head_bias": BOTH},
    "afmoe": {
        **COMMON,
        **NULL_GROUPS,
        **WIDTH,
        **BIAS,
        "num_dense_layers": [0, 1, 2, 9],
        "num_experts": [4, 8],
        "num_shared_experts": [0, 1, 3],
        "moe_intermediate_size": [7, 12],
    },
    "mistral4": {**COMMON, **LATENT, **EXPERTS, **FIRST, "num_local_experts": [6]},
    "granitemoeshared": {
        **COMMON,
        **NULL_GROUPS,
        **WIDTH,
        **BIAS,
        "num_local_experts": [3, 8],
        "shared_intermediate_size": [0, 10],
    },
    "longcat_flash": {
        **COMMON,
        **LATENT,
        "q_lora_rank": [7],
        "num_hidden_layers": [2, 3, 4],
        "ffn_hidden_size": [24, 40],
        "expert_ffn_hidden_size": [7, 12],
        "n_routed_experts": [0, 4, 8],
        "zero_expert_num": [0, 2],
        "router_bias": BOTH,
    },
    "dots1": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, **EXPERTS, **FIRST},
}
# Of this transformers reads the base of rotary embeddings, for which its class has no default.
NEEDED: Mapping[str, Mapping[str, Any]] = {"dbrx": {"attn_config": {"rope_theta": 1e4}}}
