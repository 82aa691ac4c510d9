"""What is drawn for the methods whose tensors are thin matrices, and what PEFT refuses of them."""

PATTERNS = {
    "rank_pattern": [{"q_proj": 3}, {r".*\.v_proj": 5, "fc1": 2}, {"nowhere": 9}],
}
LAYERS = {"exclude_modules": [["fc1"], ".*0.*"], "layers_pattern": [*[None] * 6, "layers", ["layer", "h"]]}
BIAS = {"bias": ["none", "none", "none", "lora_only", "any"]}

NONE = [None] * 9
BLOCKS = [
    {"target_modules_bd_a": a, "target_modules_bd_b": b, "nblocks": n, "match_strict": strict}
    for a, b in ((["q_proj", "q", "query"], ["v_proj", "v"]), (["self"], None), (None, [""]), (["fc1", "q"], ["q"]))
    for n in (1, 2, 3)
    for strict in (True, False)
]

DRAWS = {
    # What LoRA's own variants add; the rest of its config is drawn in adapters.py.
    "lora": {
        "r": [1, 2, 4, 6, 16],
        "use_qalora": [True],
        "use_bdlora": [*NONE, *BLOCKS, {}, False],
        "kasa_config": [*NONE, {}, {"beta": 0.1}, {"gamma": -1}],
        "monteclora_config": [*NONE, {}, {"num_samples": 3}, {"num_samples": 0}, {"buffer_size": 9}],
        "arrow_config": [*NONE, {}],
        "use_dora": [False, False, False, True],
        "init_lora_weights": [True, True, True, False, "pissa", "olora", "mica"],
        "lora_bias": [False, False, True],
    },
    "hira": {
        "r": [1, 4, 7],
        "init_weights": [True, False, "gaussian", "Gaussian", "no"],
        "hira_dropout": [0.1],
        **PATTERNS,
        **LAYERS,
    },
    "shira": {"r": [1, 2, 5], "mask_type": ["random", "mine"], "random_seed": [None, 3], "init_weights": [True, False]},
    "deft": {
        "r": [1, 4, 30],
        "decomposition_method": ["relu", "qr", "svd"],
        "alpha": [None, 16],
        "para": [True, False],
        "init_weights": [True, False],
        "init_scale": [0.5],
        **LAYERS,
        **BIAS,
    },
    "gralora": {
        "r": [2, 4, 6],
        "gralora_k": [1, 2, 2, 3, 4],
        "hybrid_r": [0, 1, 3],
        "alpha": [8],
        "layers_pattern": LAYERS["layers_pattern"],
        **BIAS,
    },
    "delora": {
        "r": [1, 4, 7],
        "delora_lambda": [5, 12.5],
        "lambda_pattern": [{"q_proj": 3}],
        "init_weights": [True, False],
        **PATTERNS,
        **LAYERS,
        **BIAS,
    },
    "miss": {
        "r": [1, 2, 4, 7, 20],
        "init_weights": [True, False, "bat", "mini", "other"],
        "mini_r": [1, 2, 4, 5],
        **LAYERS,
        **BIAS,
    },
    "poly": {
        "r": [1, 4],
        "n_tasks": [1, 3],
        "n_skills": [1, 2, 5],
        "n_splits": [1, 2, 3],
        "poly_type": ["poly", "poly", "poly", "other"],
        "exclude_modules": LAYERS["exclude_modules"],
    },
    "loha": {
        "r": [1, 4, 7],
        "alpha": [4, 1.5],
        "alpha_pattern": [{"q_proj": 3}],
        "use_effective_conv2d": [True, False],
        "rank_dropout": [0.1],
        "init_weights": [True, False],
        **PATTERNS,
        **LAYERS,
    },
    "lokr": {
        "r": [1, 2, 4, 7],
        "alpha": [4],
        "use_effective_conv2d": [True, False],
        "decompose_both": [True, False],
        "decompose_factor": [-1, 0, 2, 3, 4, 8, 50, -2],
        "init_weights": [True, False, "lycoris"],
        **PATTERNS,
        **LAYERS,
    },
    "lily": {
        "r": [1, 2, 4],
        "stride_A": [1, 2, 3, 4, 0],
        "num_B": [2, 3, 4, 2, 3, 4, 1],
        "scaling": [0.5],
        "init_weights": [True, False],
        **LAYERS,
    },
    "adalora": {
        "init_r": [0, 1, 4, 12],
        "r": [3, 8],
        "total_step": [*[100] * 9, 10, None],
        "tinit": [0, 1, 1, 20],
        "tfinal": [0, 5, 5, 5, 90],
        "beta1": [0.5, 0.6, 0.7, 0.8, 0.85, 1.0],
        "orth_reg_weight": [0.5, 0.0, 0.1, 0.2, 0.7, -1.0],
        "lora_alpha": [16],
        "lora_bias": [False, True],
        "init_lora_weights": [True, False, "pissa", "eva"],
        "use_dora": [*[False] * 9, True],
        "layer_replication": [None, None, [[0, 1], [0, 1]]],
        "trainable_token_indices": [None, None, [1, 2]],
        "target_parameters": [None, None, ["nowhere"], ["q_proj.weight"]],
        "kasa_config": [None, {}],
        "monteclora_config": [None, {"num_samples": 2}],
        "ensure_weight_tying": [False, True],
        **LAYERS,
        **BIAS,
    },
}

# Which of T5's "o" and "wo" decides on what Lily shares differs from run to run in PEFT, and is refused here.
ONLY = {"lily": ("llama", "qwen2", "gpt2", "opt", "bert", "vit", "whisper", "gpt_neox", "mixtral", "bloom")}
