"""What is drawn for the methods that put prompts before a model's input or its layers."""

from __future__ import annotations

PROMPT = {
    "num_virtual_tokens": [4, 4, 20, 20, 1, 0],
    "token_dim": [None, 0, None, None, 16, 7],
    "num_transformer_submodules": [None, 1, 2, 3],
    "num_attention_heads": [None, None, 2, 3],
    "num_layers": [None, None, 1, 5],
    "task_type": [None, "CAUSAL_LM", "SEQ_2_SEQ_LM", "SEQ_CLS", "TOKEN_CLS"],
}
START = {
    "prompt_tuning_init": ["RANDOM", "SAMPLE_VOCAB", "OTHER", "TEXT"],
    "tokenizer_kwargs": [None, None, None, None, {"use_fast": True}],
}
LAYERS = [1, 1, 2, 9, 0]

DRAWS = {
    "prompt_tuning": {**PROMPT, **START},
    "multitask_prompt_tuning": {
        **PROMPT,
        **START,
        "num_ranks": [1, 2, 5],
        "num_tasks": [1, 3, 0],
        "prompt_tuning_init": ["RANDOM", "SAMPLE_VOCAB", "AVERAGE_SOURCE_TASKS", "ONLY_SOURCE_SHARED"],
    },
    "p_tuning": {
        **PROMPT,
        "encoder_reparameterization_type": ["MLP", "LSTM", "LSTM", "GRU"],
        "encoder_hidden_size": [None, 1, 0, 9, 32],
        "encoder_num_layers": [1, 2, 3],
        "encoder_dropout": [0.0, 0.1, 1.5],
    },
    "prefix_tuning": {
        **PROMPT,
        "init_weights": [None, "zero"],
        "encoder_hidden_size": [None, 9, 0, 32],
        "prefix_projection": [True, False],
    },
    "cartridge": {**PROMPT, "num_frozen_tokens": [0, 1, 4, 5]},
    "cpt": {
        "task_type": ["CAUSAL_LM", "CAUSAL_LM", "CAUSAL_LM", "SEQ_CLS"],
        "cpt_token_ids": [[0], [1, 2, 3], [63, 0], [5, 50, 63, 64], [-1], []],
        "cpt_mask": [None, None, [1], [1, 0, 1]],
        "cpt_tokens_type_mask": [None, None, [1, 2, 3]],
        "num_virtual_tokens": [5],
        "token_dim": [7],
        "num_layers": [9],
    },
    "adaption_prompt": {
        "adapter_len": [1, 10],
        "adapter_layers": LAYERS,
        "target_modules": [
            None,
            None,
            None,
            "self_attn",
            "attn",
            "mlp",
            "self_attn.q_proj",
            "crossattention",
            "layers",
        ],
        "task_type": [None, "SEQ_CLS"],
    },
}

# PEFT knows it for these, and refuses it for BERT.
ONLY = {"adaption_prompt": ("llama", "gpt2", "mistral", "bert")}
