"""What is drawn for the methods that train vectors, copies or single rows."""

ONLY = {"shadow": ("llama", "qwen2", "gpt2", "opt", "gpt_neox", "mixtral", "bloom", "falcon", "gptj")}
DRAWS = {
    "ia3": {
        "feedforward_modules": [[], [], ["fc2"], ["c_proj"], r".*\.(wo|down_proj|fc1|dense)", ["v"]],
        "exclude_modules": [r".*0.*"],
        "init_ia3_weights": [False],
    },
    "beft": {"init_weights": [False]},
    "ln_tuning": {
        "target_modules": [
            None,
            ["norm", "layer_norm"],
            ["input_layernorm", "LayerNorm"],
            ["lm_head", "final_layer_norm"],
            r".*(ln_1|layer_norm|layernorm_before|ffn)",
            "all-linear",
        ],
        "exclude_modules": [r".*0.*"],
    },
    "supertuning": {
        "sparsity": [0.0, 0.5, 0.9, 0.99, 0.9999, 1.0],
        "select_top": [False],
        "r": [None, 1, 4],
        "lora_alpha": [8],
        "lora_dropout": [0.1, 1.0],
        "save_precomputed_indices": [False],
        "init_weights": [False],
    },
    "glora": {
        "r": [1, 4],
        "config_A_B": ["lora", "vector", "constant", "none", "other"],
        "config_C": ["lora", "vector", "none", "constant"],
        "config_D_E": ["vector", "constant", "none"],
        "init_weights": [False],
    },
    "peanut": {"r": [1, 4], "depth": [0, 1, 3, 11], "act_fn": ["gelu", "other"], "scaling": [0.5]},
    "shadow": {
        "r": [1, 4],
        "target_modules": [None, None, None, [r"layers.0"], r".*\.(h|layers)\.0"],
        "shadow_num_hidden_layers": [1, 0, 4],
        "shadow_hidden_size": [None, None, 8, 16, 32],
        # No more heads of keys and values than of queries, which could not run.
        "shadow_num_attention_heads": [None, 8],
        "shadow_intermediate_size": [None, 20],
        "share_embeddings": [False],
        "update_hidden_size": [3],
        "init_weights": [False],
    },
    "trainable_tokens": {
        "token_indices": [[], [0], [1, 2, 2], [-1, 5], [63], [100]],
        "target_modules": [
            None,
            None,
            ["embed_tokens"],
            ["lm_head"],
            ["embed_tokens", "lm_head"],
            ["shared"],
            ["wte"],
            ["word_embeddings"],
            ["q_proj"],
            ["encoder.embed_tokens"],
        ],
        "init_weights": [False],
    },
}
