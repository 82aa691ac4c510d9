"""What to draw for Gemma 3n, which sees and hears, and for its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BOTH = [True, False]

GEMMA3N_TEXT: Mapping[str, Any] = {
    "hidden_size": [16, 64],
    "intermediate_size": [24, 40],
    "num_hidden_layers": [2, 3],
    "num_attention_heads": [4, 8],
    "num_key_value_heads": [1, 2, 4],
    "head_dim": [4, 6],
    "vocab_size": [50, 77],
    "tie_word_embeddings": BOTH,
    "attention_bias": BOTH,
    "num_kv_shared_layers": (0,),
    "vocab_size_per_layer_input": [40, 50],
    "hidden_size_per_layer_input": [4, 8],
    "altup_num_inputs": [1, 3],
    "laurel_rank": [2, 5],
}
GEMMA3N_TEXTS = (
    GEMMA3N_TEXT,
    {
        **GEMMA3N_TEXT,
        "num_hidden_layers": [4],
        "layer_types": (["sliding_attention", "full_attention"] * 2,),
        "intermediate_size": [24, [24, 40, 24, 40]],
        "num_kv_shared_layers": [0, 1, 2],
    },
)
GEMMA3N_AUDIO: Mapping[str, Any] = {
    "vocab_size": [20, 30],
    "input_feat_size": [16, 21],
    "hidden_size": [16, 36],
    "conf_num_attention_heads": [2, 4],
    "conf_num_hidden_layers": [1, 2],
    "conf_conv_kernel_size": [3, 5],
    "sscp_conv_channel_size": [[8, 4], [6, 3]],
    "sscp_conv_kernel_size": [[[3, 3], [3, 3]], [[3, 2], [2, 4]]],
    "sscp_conv_stride_size": [[[2, 2], [2, 2]], [[1, 3], [2, 1]]],
}
GEMMA3N_VISION: Mapping[str, Any] = {"vocab_size": [20, 30], "hidden_size": [2048, 24], "do_pooling": BOTH}

DRAWS: dict[str, Mapping[Any, Any]] = {
    "gemma3n_text": GEMMA3N_TEXTS[1],
    "gemma3n_audio": GEMMA3N_AUDIO,
    "gemma3n_vision": GEMMA3N_VISION,
    "gemma3n": {
        "tie_word_embeddings": BOTH,
        "text_config": GEMMA3N_TEXTS,
        "vision_config": (None, GEMMA3N_VISION),
        "audio_config": ({"model_type": ("gemma3n_audio",), **GEMMA3N_AUDIO}, GEMMA3N_AUDIO),
    },
}
