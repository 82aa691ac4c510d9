"""What to draw for models of several modalities, and for their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BOTH = [True, False]
LAYERS = [1, 2, 3]

TOP: Mapping[str, Any] = {"tie_word_embeddings": BOTH, "num_labels": [1, 5]}

TEXT: Mapping[str, Any] = {
    "hidden_size": [16, 64, 96],
    "intermediate_size": [24, 40],
    "num_hidden_layers": LAYERS,
    "num_attention_heads": [4, 8],
    "num_key_value_heads": [1, 2, 4],
    "vocab_size": [50, 77],
}
TIED_TEXT = {**TEXT, "tie_word_embeddings": BOTH}
LLAMA = {**TIED_TEXT, "model_type": ("llama",), "attention_bias": BOTH}
MISTRAL = {**TIED_TEXT, "model_type": ("mistral",), "head_dim": [None, 6]}
QWEN2 = {**TIED_TEXT, "model_type": ("qwen2",)}
GEMMA = {**TIED_TEXT, "model_type": ("gemma",), "head_dim": [6, 10]}
GEMMA2 = {**GEMMA, "model_type": ("gemma2",)}

VISION: Mapping[str, Any] = {
    "hidden_size": [16, 24, 48],
    "intermediate_size": [24, 40],
    "num_hidden_layers": LAYERS,
    "num_attention_heads": [2, 4],
    "image_size": [28, 30],
    "patch_size": [7, 14],
    "num_channels": [1, 3],
}
SIGLIP = {**VISION, "model_type": ("siglip_vision_model",), "vision_use_head": [True, False, False]}
CLIP = {**VISION, "model_type": ("clip_vision_model",), "projection_dim": [12]}
PIXTRAL = {**VISION, "model_type": ("pixtral",)}
FEATURES = {"vision_feature_layer": [-1, -2, [-1, -2, 0]], "multimodal_projector_bias": BOTH}

QWEN_VISION: Mapping[str, Any] = {
    "depth": [4],
    "num_hidden_layers": LAYERS,
    "hidden_size": [16, 48],
    "intermediate_size": [24, 40],
    "num_heads": [2, 4],
    "in_channels": [1, 3],
    "patch_size": [7, 14],
    "spatial_merge_size": [1, 2, 3],
    "temporal_patch_size": [1, 2],
    "out_hidden_size": [16, 20],
}
QWEN2_VISION = {**QWEN_VISION, "embed_dim": [16, 48], "mlp_ratio": [2, 4]}
STACKED_VISION = {
    **QWEN_VISION,
    "num_position_embeddings": [16, 25],
    "deepstack_visual_indexes": [[], [0], [0, 1]],
}
QWEN3_TEXT = {**TEXT, "head_dim": [6, 10], "attention_bias": BOTH}

QWEN3_MOE_TEXT = {
    **TEXT,
    "head_dim": [None, 6],
    "attention_bias": BOTH,
    "decoder_sparse_step": [1, 2],
    "mlp_only_layers": [None, [], [0], [1, 2]],
    "moe_intermediate_size": [12, 20],
    "num_experts": [0, 3, 8],
}
INTERNVL_VISION = {
    **VISION,
    "image_size": [28, [28, 42]],
    "patch_size": [7, [14, 7]],
    "attention_bias": BOTH,
    "use_qk_norm": BOTH,
    "norm_type": ["layer_norm", "rms_norm"],
    "use_mask_token": BOTH,
    "use_absolute_position_embeddings": BOTH,
    "use_mean_pooling": BOTH,
    "projection_dropout": [0.0, 0.1],
}

GEMMA4_TEXT = {
    **TEXT,
    "num_hidden_layers": [2, 3, 4],
    "tie_word_embeddings": BOTH,
    "attention_bias": BOTH,
    "head_dim": [4, 6],
    "global_head_dim": [4, 6, 8],
    "num_global_key_value_heads": [None, 1],
    "attention_k_eq_v": BOTH,
    "layer_types": (None,),
    "use_double_wide_mlp": BOTH,
}
GEMMA4_TEXTS = (
    {
        **GEMMA4_TEXT,
        "vocab_size_per_layer_input": [40, 50],
        "hidden_size_per_layer_input": [0, 8],
        "num_kv_shared_layers": [0],
    },
    {
        **GEMMA4_TEXT,
        "num_hidden_layers": [4],
        "layer_types": (["sliding_attention", "full_attention"] * 2,),
        "vocab_size_per_layer_input": [40, 50],
        "hidden_size_per_layer_input": [0, 8],
        "num_kv_shared_layers": [0, 1, 2],
        "enable_moe_block": (True,),
        "num_experts": [3, 4],
        "top_k_experts": [2],
        "moe_intermediate_size": (10, 12),
    },
    {
        **GEMMA4_TEXT,
        "num_hidden_layers": [2],
        "per_layer_config": [{"01": {"head_dim": 10}}, {"1": {"head_dim": 2, "num_key_value_heads": 1}}, {}, None],
        "hidden_size_per_layer_input": [0],
    },
)
GEMMA4_VISION = {
    **VISION,
    "head_dim": [4, 8],
    "num_key_value_heads": [1, 2],
    "position_embedding_size": [20, 30],
    "use_clipped_linears": BOTH,
    "standardize": BOTH,
}
GEMMA4_AUDIO = {
    "hidden_size": [16, 32],
    "num_hidden_layers": [1, 2],
    "num_attention_heads": [2, 4],
    "subsampling_conv_channels": [[8, 4], [6, 3]],
    "conv_kernel_size": [3, 5],
    "use_clipped_linears": BOTH,
    "output_proj_dims": [12, 20],
}
UNIFIED_VISION = {
    "patch_size": [4, 6],
    "pooling_kernel_size": [1, 2],
    "mm_embed_dim": [16, 20],
    "mm_posemb_size": [10],
    "output_proj_dims": [16, 20],
}
LLAMA4_TEXT = {
    **TIED_TEXT,
    "head_dim": [4, 6],
    "intermediate_size_mlp": [20, 28],
    "num_hidden_layers": [4],
    "num_local_experts": [2, 3],
    "moe_layers": [None, None, [], [1]],
    "interleave_moe_layer_step": [1, 2],
    "no_rope_layers": [None, [], [0, 1, 0, 1]],
    "no_rope_layer_interval": [2, 3],
    "use_qk_norm": BOTH,
    "attention_bias": BOTH,
}
LLAMA4_VISION = {
    **VISION,
    "vision_output_dim": [16, 20],
    "projector_input_dim": [12, 16],
    "projector_output_dim": [12, 16],
}

LLAVA = {**TOP, **FEATURES, "text_config": (LLAMA, MISTRAL, QWEN2, GEMMA), "vision_config": (CLIP, SIGLIP)}
QWEN_VL = {**TOP, "text_config": TIED_TEXT, "vision_config": QWEN_VISION}

DRAWS: Mapping[str, Mapping[str, Any]] = {
    "pixtral": {**VISION, "patch_size": [7, [7, 14]]},
    "siglip_vision_model": {**VISION, "vision_use_head": BOTH},
    "qwen2_vl_text": TIED_TEXT,
    "qwen2_5_vl_text": TIED_TEXT,
    "qwen2_5_vl_vision": QWEN_VISION,
    "qwen2_vl": {**QWEN_VL, "vision_config": QWEN2_VISION},
    "qwen2_5_vl": QWEN_VL,
    "qwen3_vl_text": QWEN3_TEXT,
    "qwen3_vl_moe_text": QWEN3_MOE_TEXT,
    "qwen3_vl_vision": STACKED_VISION,
    "qwen3_vl_moe_vision": STACKED_VISION,
    "qwen3_5_vision": STACKED_VISION,
    "qwen3_5_moe_vision": STACKED_VISION,
    "qwen3_vl": {**TOP, "text_config": QWEN3_TEXT, "vision_config": STACKED_VISION},
    "qwen3_vl_moe": {**TOP, "text_config": QWEN3_MOE_TEXT, "vision_config": STACKED_VISION},
    "internvl_vision": INTERNVL_VISION,
    "internvl": {
        **TOP,
        "downsample_ratio": [0.5, 0.3, 1.0],
        "text_config": (QWEN2, LLAMA),
        "vision_config": INTERNVL_VISION,
    },
    "gemma4_text": GEMMA4_TEXTS[1],
    "gemma4_unified_text": {**GEMMA4_TEXT, "num_kv_shared_layers": [0]},
    "gemma4_vision": GEMMA4_VISION,
    "gemma4_audio": GEMMA4_AUDIO,
    "gemma4": {
        **TOP,
        "text_config": GEMMA4_TEXTS,
        "vision_config": GEMMA4_VISION,
        "audio_config": ({"model_type": ("gemma4_audio",), **GEMMA4_AUDIO}, GEMMA4_AUDIO),
    },
    "gemma4_unified": {
        **TOP,
        "text_config": GEMMA4_TEXT,
        "vision_config": UNIFIED_VISION,
        "audio_config": {"audio_embed_dim": [10, 12]},
    },
    "llama4_text": LLAMA4_TEXT,
    "llama4_vision_model": LLAMA4_VISION,
    "llama4": {**TOP, "text_config": LLAMA4_TEXT, "vision_config": LLAMA4_VISION},
    "llava": LLAVA,
    "llava_next": LLAVA,
    "llava_next_video": LLAVA,
    "llava_onevision": LLAVA,
    "mistral3": {
        **TOP,
        **FEATURES,
        "spatial_merge_size": [1, 2, 3],
        "text_config": (MISTRAL, QWEN2),
        "vision_config": PIXTRAL,
    },
    "gemma3": {**TOP, "text_config": GEMMA, "vision_config": SIGLIP},
    "paligemma": {**TOP, "projection_dim": [16, 20], "text_config": (GEMMA, GEMMA2), "vision_config": SIGLIP},
}
