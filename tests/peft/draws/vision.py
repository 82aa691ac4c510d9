"""What to draw for models of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BOTH = [True, False]
LAYERS = [1, 2, 3]
LABELS = {"num_labels": [0, 1, 2, 5], "id2label": [None, None, {"0": "a", "1": "b", "2": "c"}]}
IMAGES = {"num_channels": [1, 3], "image_size": [32, 50, [32, 48]], "patch_size": [8, 14, 64, [8, 16]]}
SIZES = {
    "hidden_size": [16, 48, 96],
    "intermediate_size": [24, 40],
    "num_hidden_layers": LAYERS,
    "num_attention_heads": [1, 4, 8],
    "head_dim": [5, 8],
}
STAGES = {"depths": [[1, 2], [2, 1, 1], [1, 1, 1, 1], [1, 2, 1, 1, 1]]}

TEXT_TOWER = {
    **{name: SIZES[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers")},
    "num_attention_heads": [1, 4, 8],
    "vocab_size": [50, 77],
    "max_position_embeddings": [20, 33],
    "projection_size": [None, 12, 30],
}
TOWER = {
    **{name: SIZES[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers")},
    "num_attention_heads": [1, 4, 8],
    "num_channels": [1, 3],
    "patch_size": [8, 14, 16],
    "vision_use_head": BOTH,
}

DRAWS: dict[str, Mapping[str, Any]] = {
    "dinov2": {
        **SIZES,
        **LABELS,
        **IMAGES,
        "mlp_ratio": [1, 2, 3],
        "qkv_bias": BOTH,
        "use_swiglu_ffn": BOTH,
        "use_mask_token": BOTH,
        "drop_path_rate": [0.0, 0.1],
    },
    "beit": {
        **SIZES,
        **LABELS,
        **IMAGES,
        "num_hidden_layers": (3, 4),
        "num_labels": [1, 2, 5],
        # A table of relative positions takes one side of a patch only.
        "patch_size": [8, 14],
        "vocab_size": [50, 77],
        "use_mask_token": BOTH,
        "use_absolute_position_embeddings": BOTH,
        "use_relative_position_bias": BOTH,
        "use_shared_relative_position_bias": BOTH,
        "use_mean_pooling": BOTH,
        "layer_scale_init_value": [0.0, 0.1],
        "pool_scales": [[1, 2], [1, 2, 3, 6]],
        "use_auxiliary_head": BOTH,
        "auxiliary_channels": [12, 20],
        "auxiliary_num_convs": [0, 1, 2],
        "auxiliary_concat_input": BOTH,
        "out_indices": ([0, 1, 2, 3],),
        "add_fpn": BOTH,
    },
    "swin": {
        **LABELS,
        **IMAGES,
        "depths": ([1, 2], [2, 1, 1], [1, 1, 1]),
        "num_heads": ([2, 4, 8], [4, 4, 4], [1, 2, 3, 4]),
        "embed_dim": (12, 24),
        "window_size": [3, 5],
        "mlp_ratio": [1.5, 2.0, 4],
        "qkv_bias": BOTH,
        "use_absolute_embeddings": BOTH,
        "encoder_stride": [2, 8],
        "num_layers": [2],
        "out_indices": [None, [0, 2], [-1], [1]],
    },
    "segformer": {
        **LABELS,
        "num_labels": [1, 2, 5],
        "num_channels": [1, 3],
        "num_encoder_blocks": [1, 2, 3],
        "depths": ([1, 2, 1], [2, 1, 1, 1], [1, 0, 2]),
        "hidden_sizes": ([16, 24, 40], [8, 8, 30, 36], [16, 20, 48]),
        "num_attention_heads": ([1, 2, 3], [4, 3, 5, 7]),
        "sr_ratios": [[4, 2, 1, 1], [1, 3, 2]],
        "patch_sizes": [[5, 3, 3], [7, 3, 2, 3]],
        "mlp_ratios": [[2, 3, 4], [4, 4, 4, 4]],
        "decoder_hidden_size": [12, 24],
    },
    "convnext": {
        **LABELS,
        **IMAGES,
        "num_stages": (1, 2, 3),
        ("depths", "hidden_sizes"): (
            ([1, 2, 1], [16, 24, 40]),
            ([2, 1, 1, 1], [8, 8, 30, 36]),
            ([1, 0, 2], [16, 20, 48, 50]),
        ),
        "out_features": [None, ["stem", "stage2"], ["stage3"]],
        "layer_scale_init_value": [0.0, 1e-6],
    },
    "siglip_text_model": TEXT_TOWER,
    "siglip2_text_model": TEXT_TOWER,
    "siglip": {
        **LABELS,
        "num_labels": [1, 2, 5],
        "text_config": TEXT_TOWER,
        "vision_config": {**TOWER, "image_size": [32, 50]},
    },
    "siglip2": {
        **LABELS,
        "num_labels": [1, 2, 5],
        "text_config": TEXT_TOWER,
        "vision_config": {**TOWER, "num_patches": [16, 25]},
    },
    "blip-2": {
        "num_query_tokens": [3, 5],
        "image_text_hidden_size": [7, 12],
        "tie_word_embeddings": BOTH,
        "vision_config": {
            "hidden_size": (16, 48),
            "intermediate_size": (24, 40),
            "num_hidden_layers": (1, 2),
            "num_attention_heads": [2, 4],
            "image_size": [28, 32],
            "patch_size": [7, 14],
            "qkv_bias": BOTH,
        },
        "qformer_config": {
            "hidden_size": (24, 36),
            "intermediate_size": (20, 28),
            "num_hidden_layers": (1, 3),
            "num_attention_heads": (2, 4),
            "vocab_size": (50, 77),
            "max_position_embeddings": [20, 33],
            "cross_attention_frequency": [1, 2, 3],
            "use_qformer_text_input": BOTH,
        },
        "text_config": (
            {
                "model_type": ("opt",),
                "hidden_size": (16, 24),
                "ffn_dim": (20, 30),
                "num_hidden_layers": (1, 2),
                "num_attention_heads": (2, 4),
                "vocab_size": (50, 77),
                "tie_word_embeddings": BOTH,
            },
            {
                "model_type": ("t5",),
                "d_model": (16, 24),
                "d_ff": (20, 30),
                "d_kv": [4, 6],
                "num_layers": (1, 2),
                "num_heads": (2, 4),
                "vocab_size": (50, 77),
                "tie_word_embeddings": BOTH,
            },
        ),
    },
}
