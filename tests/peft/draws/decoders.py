"""What is drawn for decoders: those of Llama's kind, and the ones with experts among their layers."""

from __future__ import annotations

COMMON = {
    "hidden_size": [16, 64, 96],
    "intermediate_size": [24, 40],
    "num_hidden_layers": [1, 2, 3],
    "num_attention_heads": [4, 8],
    "vocab_size": [50, 77],
    "tie_word_embeddings": [True, False],
    "num_labels": [1, 5],
}
GROUPS = {"num_key_value_heads": [1, 2, 4]}
NULL_GROUPS = {"num_key_value_heads": [None, 1, 4]}
BIAS = {"attention_bias": [True, False]}
MLP_BIAS = {"mlp_bias": [True, False]}
# Drawn or left out: most configs of transformers take no null here.
WIDTH = {"head_dim": [6, 10]}
NULL_WIDTH = {"head_dim": [None, 6]}
SPARSE = {
    "decoder_sparse_step": [1, 2],
    "mlp_only_layers": [None, [], [0], [1, 2]],
    "moe_intermediate_size": [12, 20],
    "num_experts": [0, 3, 8],
}

DRAWS = {
    "mistral": {**COMMON, **GROUPS, **NULL_WIDTH},
    "mixtral": {**COMMON, **GROUPS, **NULL_WIDTH, "num_local_experts": [3, 8]},
    "qwen2": {**COMMON, **NULL_GROUPS, **WIDTH},
    "qwen2_moe": {
        **COMMON,
        **GROUPS,
        **WIDTH,
        **SPARSE,
        "shared_expert_intermediate_size": [14, 30],
        "qkv_bias": [True, False],
    },
    "qwen3": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS},
    "qwen3_moe": {**COMMON, **GROUPS, **WIDTH, **BIAS, **SPARSE},
    "gemma": {**COMMON, **GROUPS, **WIDTH, **BIAS},
    "gemma2": {**COMMON, **GROUPS, **WIDTH, **BIAS},
    "gemma3_text": {**COMMON, **GROUPS, **WIDTH, **BIAS},
    "phi": {**COMMON, **NULL_GROUPS, **WIDTH, "qk_layernorm": [True, False]},
    # The default padding token of these must be in the vocabulary.
    "phi3": {**COMMON, **NULL_GROUPS, **WIDTH, "vocab_size": [32064, 32077]},
    "glm4": {**COMMON, **GROUPS, **WIDTH, **BIAS, "vocab_size": [151552, 151600]},
    "smollm3": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, "mlp_bias": [True, False], "vocab_size": [128256, 128300]},
    "olmo2": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS},
    "cohere": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, "use_qk_norm": [None, True, False]},
    "cohere2": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, "use_qk_norm": [True, False]},
    "olmo": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS},
    "olmo3": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS},
    "glm": {**COMMON, **GROUPS, **WIDTH, **BIAS, "vocab_size": [151552, 151600]},
    "seed_oss": {**COMMON, **NULL_GROUPS, **NULL_WIDTH, **BIAS, **MLP_BIAS, "attention_out_bias": [True, False]},
    "hunyuan_v1_dense": {**COMMON, **NULL_GROUPS, **BIAS, **WIDTH},
    "ernie4_5": {**COMMON, **NULL_GROUPS, **NULL_WIDTH, "use_bias": [True, False]},
    "exaone4": {**COMMON, **GROUPS, **WIDTH, **BIAS},
    "arcee": {**COMMON, **NULL_GROUPS, **NULL_WIDTH, **BIAS, **MLP_BIAS},
    "nemotron": {**COMMON, **GROUPS, **NULL_WIDTH, **BIAS, **MLP_BIAS},
    "ministral": {**COMMON, **GROUPS, **WIDTH, **BIAS},
    "ministral3": {**COMMON, **GROUPS, **WIDTH, **BIAS},
    "helium": {**COMMON, **GROUPS, **WIDTH, **BIAS, **MLP_BIAS},
    "apertus": {
        **COMMON,
        **NULL_GROUPS,
        **WIDTH,
        **BIAS,
        **MLP_BIAS,
        "hidden_act": ["xielu", "xielu", "silu", "prelu"],
    },
    "youtu": {
        **COMMON,
        "num_key_value_heads": [1, 4],
        "kv_lora_rank": [5, 9],
        "q_lora_rank": [None, 7],
        "qk_rope_head_dim": [4, 8],
        "qk_nope_head_dim": [3, 6],
        "v_head_dim": [5, 10],
        **BIAS,
    },
    "minicpm3": {
        **COMMON,
        "num_key_value_heads": [1, 4],
        "kv_lora_rank": [5, 9],
        "q_lora_rank": [None, 7],
        "qk_rope_head_dim": [4, 8],
        "qk_nope_head_dim": [3, 6],
        "v_head_dim": [None, 5, 10],
        **BIAS,
        "mlp_bias": [True, False],
    },
    "granite": {**COMMON, **NULL_GROUPS, **WIDTH, **BIAS, "mlp_bias": [True, False]},
    "starcoder2": {**COMMON, **GROUPS, **NULL_WIDTH, "use_bias": [True, False]},
    "stablelm": {
        **COMMON,
        **GROUPS,
        "use_qkv_bias": [True, False],
        "qk_layernorm": [True, False],
        "use_parallel_residual": [True, False],
    },
}
