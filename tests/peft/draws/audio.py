"""What to draw for models of speech."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BOTH = [True, False]
LAYERS = [1, 2, 3]

HEADS = {
    "num_labels": [1, 2, 5],
    "vocab_size": [40, 77],
    "use_weighted_layer_sum": BOTH,
    "classifier_proj_size": [6, 10],
    "mask_time_prob": [0.0, 0.05],
    "mask_feature_prob": [0.0, 0.1],
}
VOICES = {
    "tdnn_dim": ([8, 12], [10, 6, 14]),
    "tdnn_kernel": ([3, 2, 1], [5, 1, 1, 1]),
    "xvector_output_dim": [9, 16],
}
SIZES = {
    "hidden_size": (16, 48),
    "intermediate_size": [24, 40],
    "num_hidden_layers": LAYERS,
    "num_attention_heads": (2, 4),
}
WAVES: Mapping[str, Any] = {
    **HEADS,
    **SIZES,
    "conv_dim": ([8, 12], [10, 10]),
    "conv_kernel": ([5, 3], [4, 2]),
    "conv_stride": ([2, 2],),
    "conv_bias": BOTH,
    "feat_extract_norm": ["group", "layer"],
    "num_conv_pos_embeddings": [7, 16],
    "num_conv_pos_embedding_groups": (2, 8, 16),
    "do_stable_layer_norm": BOTH,
}

DRAWS: dict[str, Mapping[str, Any]] = {
    "wav2vec2": {
        **WAVES,
        **VOICES,
        "adapter_attn_dim": [None, 6],
        "num_codevectors_per_group": [5, 8],
        "num_codevector_groups": (2, 4),
        "codevector_dim": (8, 12),
        "proj_codevector_dim": [6, 9],
    },
    "hubert": {
        **WAVES,
        "adapter_attn_dim": [None, 6],
        "conv_pos_batch_norm": BOTH,
        "feat_proj_layer_norm": BOTH,
    },
    "wavlm": {**WAVES, **VOICES, "num_buckets": [20, 32]},
    "wav2vec2-bert": {
        **HEADS,
        **SIZES,
        **VOICES,
        "vocab_size": (40, 77),
        "feature_projection_input_dim": [14, 20],
        "position_embeddings_type": [None, "rotary", "relative", "relative_key"],
        "left_max_position_embeddings": [0, 5],
        "right_max_position_embeddings": [2, 3],
        "conv_depthwise_kernel_size": [3, 5],
    },
}
