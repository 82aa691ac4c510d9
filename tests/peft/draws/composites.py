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

GLM_VISION = {
    **QWEN_VISION,
    "out_hidden_size": [16, 20],
    "image_size": [28, 30],
    "attention_bias": BOTH,
}
GLM_MOE_TEXT = {
    **TEXT,
    "head_dim": [6, 10],
    "attention_bias": BOTH,
    "moe_intermediate_size": [12, 20],
    "n_routed_experts": (3, 8),
    "n_shared_experts": [1, 2],
    "first_k_dense_replace": [0, 1, 2],
}
OCR_TEXT = {**TIED_TEXT, "head_dim": [4, 6]}
PADDLE_TEXT = {**TIED_TEXT, "head_dim": [None, 6], "use_bias": BOTH}
PADDLE_VISION = {**VISION, "spatial_merge_size": [1, 2]}
IDEFICS = {**TOP, "scale_factor": [1, 2, 3], "text_config": (LLAMA, MISTRAL), "vision_config": VISION}

MLLAMA_TEXT = {
    **TIED_TEXT,
    "vocab_size": [128256],
    "num_key_value_heads": [1, 2, 4],
    "cross_attention_layers": [[], [1], [0, 2]],
}
MLLAMA_VISION = {
    **VISION,
    "attention_heads": [2, 4],
    "num_global_layers": [1, 2],
    "vision_output_dim": [16, 20],
    "max_num_tiles": (2, 4),
    "supported_aspect_ratios": ([[1, 1], [1, 2], [2, 1]],),
}
AUDIO = {
    "encoder_layers": LAYERS,
    "num_hidden_layers": LAYERS,
    "encoder_attention_heads": (2, 4),
    "d_model": [24, 48],
    "hidden_size": [24, 48],
    "encoder_ffn_dim": [20, 30],
    "intermediate_size": [20, 40],
    "num_mel_bins": [5, 8],
    "max_source_positions": [11, 12],
}
FLORENCE_VISION = {
    "in_channels": [1, 3],
    "depths": ([1, 2], [2, 1]),
    "patch_size": ([7, 3], [3, 3]),
    "patch_stride": ([4, 2],),
    "patch_padding": ([3, 1],),
    "patch_prenorm": ([False, True], [True, False]),
    "embed_dim": ([8, 16], [16, 24]),
    "num_heads": ([2, 4],),
    "num_groups": ([2, 4],),
    "mlp_ratio": [2.0, 4.0],
    "qkv_bias": BOTH,
    "drop_path_rate": [0.0, 0.1],
    "projection_dim": [16, 20],
    "max_temporal_embeddings": [5, 7],
    "max_position_embeddings": [6, 9],
}
BART = {
    "model_type": ("bart",),
    "tie_word_embeddings": BOTH,
    "vocab_size": [50, 77],
    "d_model": [16, 48],
    "encoder_layers": LAYERS,
    "decoder_layers": LAYERS,
    "encoder_attention_heads": (2, 4),
    "decoder_attention_heads": (4, 8),
    "encoder_ffn_dim": [24, 40],
    "decoder_ffn_dim": [20, 30],
    "max_position_embeddings": [9, 20],
}

COHERE2 = {**TEXT, "model_type": ("cohere2",), "tie_word_embeddings": BOTH, "attention_bias": BOTH}
ERNIE_TEXT = {
    **TIED_TEXT,
    "head_dim": (128,),
    "use_bias": BOTH,
    "num_hidden_layers": (3,),
    "moe_num_experts": (3, 8),
    "moe_num_shared_experts": [0, 1, 2],
    "moe_intermediate_size": ([12, 8], [10, 6]),
    "mlp_layer_types": [None, ["dense", "sparse", "dense"]],
}
ERNIE_VISION = {**QWEN_VISION, "temporal_merge_size": [1, 2]}
MOLMO_TEXT = {
    **TEXT,
    "head_dim": [6, 10],
    "attention_bias": BOTH,
    "qkv_bias": BOTH,
    "qk_norm_type": ["qwen3", "olmo"],
    "additional_vocab_size": [0, 8],
}
MOLMO_VISION = {
    **VISION,
    "num_hidden_layers": [2, 3],
    "num_key_value_heads": [1, 2],
    "head_dim": [6, 10],
    "image_size": [[28, 42]],
    "image_default_input_size": [[28, 28]],
    "attention_bias": BOTH,
    "num_position_embeddings": [None, 9],
}
MOLMO_ADAPTER = {
    "vision_feature_layer": ([1, 0], [-1]),
    "hidden_size": [16, 24],
    "num_attention_heads": [2, 4],
    "num_key_value_heads": [1, 2],
    "head_dim": [6, 10],
    "intermediate_size": [20, 28],
    "text_hidden_size": [16, 20],
    "attention_bias": BOTH,
    "mlp_bias": BOTH,
}
DELTA_TEXT = {
    **TEXT,
    "head_dim": [8, 16],
    "num_hidden_layers": [4],
    "linear_num_key_heads": [2],
    "linear_num_value_heads": [4],
    "linear_key_head_dim": [6, 8],
    "linear_value_head_dim": [6, 8],
    "num_experts": [4],
    "moe_intermediate_size": [10, 12],
    "shared_expert_intermediate_size": [10, 14],
}

OMNI = {
    **TOP,
    "text_config": {**TIED_TEXT, "head_dim": [6, 10]},
    "vision_config": QWEN_VISION,
    "audio_config": {**AUDIO, "output_dim": [16, 20]},
}
QWEN_TALKER: Mapping[str, Any] = {
    "vocab_size": [50, 77],
    "embedding_size": [16, 24],
    "hidden_size": [16, 32],
    "intermediate_size": [24, 40],
    "num_hidden_layers": [1, 2],
    "num_attention_heads": [2, 4],
    "num_key_value_heads": [1, 2],
    "head_dim": [6, 10],
}
QWEN_SOUND: Mapping[str, Any] = {
    "dit_config": {
        "hidden_size": [16, 24],
        "num_hidden_layers": [1, 2],
        "num_attention_heads": [2, 4],
        "head_dim": [4, 6],
        "ff_mult": [2, 3],
        "emb_dim": [8, 12],
        "mel_dim": [8, 10],
        "num_embeds": [20, 30],
        "enc_emb_dim": [8, 12],
        "enc_dim": [8, 12],
        ("enc_channels", "enc_kernel_sizes", "enc_dilations"): (
            ([12, 12, 16], [3, 3, 1], [1, 2, 1]),
            ([8, 12, 12, 16], [5, 3, 3, 1], [1, 2, 2, 1]),
        ),
        "enc_attention_channels": [4, 6],
        "enc_res2net_scale": [2, 3],
        "enc_se_channels": [4, 6],
    },
    "bigvgan_config": {
        "mel_dim": [8, 10],
        "upsample_initial_channel": [32, 24],
        ("resblock_kernel_sizes", "resblock_dilation_sizes"): (
            ([3, 5], [[1, 3, 5], [1, 2, 3]]),
            ([3], [[1, 3, 5]]),
        ),
        ("upsample_rates", "upsample_kernel_sizes"): (([5, 3], [11, 7]), ([2], [4]), ([3, 2, 2], [7, 4, 4])),
    },
}
MUSE_TEXT = {**TEXT, "head_dim": [4, 6], "attention_bias": BOTH, "tie_word_embeddings": BOTH}
MUSE_VISION = {
    **VISION,
    "patch_temporal": [1, 2],
    "pos_emb_height": [3, 4],
    "pos_emb_width": [3, 4],
}
QWEN3_AUDIO = {**AUDIO, "output_dim": [16, 20], "downsample_hidden_size": [6, 8], "num_mel_bins": [16, 21]}
QWEN3_OMNI = {
    **TOP,
    "text_config": {**QWEN3_MOE_TEXT, "head_dim": [6, 10], "num_experts": [3, 8]},
    "vision_config": STACKED_VISION,
    "audio_config": QWEN3_AUDIO,
}
QWEN3_TALKER: Mapping[str, Any] = {
    "thinker_hidden_size": [16, 24],
    "spatial_merge_size": (2,),
    "text_config": {
        **TEXT,
        "attention_bias": BOTH,
        "head_dim": [4, 6],
        "moe_intermediate_size": [12, 20],
        "num_experts": [3, 8],
        "shared_expert_intermediate_size": (10, 20),
    },
    "code_predictor_config": {**TEXT, "head_dim": [4, 6], "attention_bias": BOTH, "num_code_groups": [1, 2, 4]},
}
QWEN3_SOUND: Mapping[str, Any] = {
    **TEXT,
    "attention_bias": BOTH,
    "codebook_size": [20, 30],
    "num_quantizers": [2, 3],
    ("upsample_rates", "upsampling_ratios"): (([4, 3], [2, 2]), ([2], [3]), ([3, 2, 2], [2])),
    "decoder_dim": [16, 36],
}
LFM2 = {
    **TEXT,
    "model_type": ("lfm2",),
    "layer_types": (None,),
    "num_hidden_layers": (3,),
    "full_attn_idxs": ([1], [0, 2]),
}
SIGLIP2 = {**VISION, "model_type": ("siglip2_vision_model",), "num_patches": [9, 16], "vision_use_head": [True, False]}

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
    "glm4v_vision": GLM_VISION,
    "glm4v_moe_vision": GLM_VISION,
    "glm_ocr_vision": GLM_VISION,
    "glm4v_text": TIED_TEXT,
    "glm4v_moe_text": GLM_MOE_TEXT,
    "glm_ocr_text": OCR_TEXT,
    "glm4v": {**TOP, "text_config": TIED_TEXT, "vision_config": GLM_VISION},
    "glm4v_moe": {**TOP, "text_config": GLM_MOE_TEXT, "vision_config": GLM_VISION},
    "glm_ocr": {**TOP, "text_config": OCR_TEXT, "vision_config": GLM_VISION},
    "paddleocr_vl_text": PADDLE_TEXT,
    "paddleocr_vl_vision": PADDLE_VISION,
    "paddleocr_vl": {**TOP, "text_config": PADDLE_TEXT, "vision_config": PADDLE_VISION},
    "siglip2_vision_model": {**VISION, "num_patches": [9, 16], "vision_use_head": BOTH},
    "idefics3_vision": VISION,
    "smolvlm_vision": VISION,
    "idefics3": IDEFICS,
    "smolvlm": IDEFICS,
    "deepseek_vl": {**TOP, "text_config": (LLAMA, QWEN2), "vision_config": SIGLIP},
    "mllama_text_model": MLLAMA_TEXT,
    "mllama_vision_model": MLLAMA_VISION,
    "mllama": {**TOP, "text_config": MLLAMA_TEXT, "vision_config": MLLAMA_VISION},
    "qwen2_audio_encoder": AUDIO,
    "voxtral_encoder": AUDIO,
    "qwen2_audio": {
        **TOP,
        "text_config": (QWEN2, LLAMA),
        "audio_config": {**AUDIO, "model_type": ("qwen2_audio_encoder",)},
    },
    "voxtral": {**TOP, "text_config": (LLAMA, MISTRAL), "audio_config": {**AUDIO, "model_type": ("voxtral_encoder",)}},
    "florence2": {**TOP, "text_config": BART, "vision_config": FLORENCE_VISION},
    "qwen3_5": {**TOP, "text_config": DELTA_TEXT, "vision_config": STACKED_VISION},
    "qwen3_5_moe": {**TOP, "text_config": DELTA_TEXT, "vision_config": STACKED_VISION},
    "ernie4_5_vl_moe_text": ERNIE_TEXT,
    "ernie4_5_vl_moe_vision": ERNIE_VISION,
    "ernie4_5_vl_moe": {**TOP, "text_config": ERNIE_TEXT, "vision_config": ERNIE_VISION},
    "aya_vision": {
        **TOP,
        "downsample_factor": [1, 2],
        "alignment_intermediate_size": [16, 20],
        "text_config": (COHERE2, LLAMA),
        "vision_config": SIGLIP,
    },
    "molmo2_text": MOLMO_TEXT,
    "molmo2_vision": MOLMO_VISION,
    "molmo2": {
        **TOP,
        "text_config": MOLMO_TEXT,
        "vision_config": MOLMO_VISION,
        "adapter_config": MOLMO_ADAPTER,
    },
    "lfm2_vl": {
        **TOP,
        "tie_embedding": BOTH,
        "downsample_factor": [1, 2],
        "projector_hidden_size": [16, 20],
        "projector_bias": BOTH,
        "projector_use_layernorm": BOTH,
        "text_config": (LFM2, LLAMA),
        "vision_config": SIGLIP2,
    },
    "qwen2_5_omni_text": {**TIED_TEXT, "head_dim": [6, 10]},
    "qwen2_5_omni_thinker": OMNI,
    "qwen2_5_omni_talker": QWEN_TALKER,
    "qwen3_omni_moe_thinker": QWEN3_OMNI,
    "qwen3_asr_encoder": QWEN3_AUDIO,
    "qwen3_asr": {
        **TOP,
        "token_classification_bias": BOTH,
        "text_config": ({**QWEN3_TEXT, "model_type": ("qwen3",)}, QWEN3_TEXT),
        "audio_config": ({**QWEN3_AUDIO, "model_type": ("qwen3_asr_encoder",)}, QWEN3_AUDIO),
    },
    "muse_glimmer_text": MUSE_TEXT,
    "muse_glimmer_vision": MUSE_VISION,
    "muse_glimmer": {
        **TOP,
        "out_hidden_size": [16, 20],
        "projector_hidden_size": [12, 20],
        "text_config": MUSE_TEXT,
        "vision_config": MUSE_VISION,
    },
    "minicpmv4_6": {
        **TOP,
        "merger_times": [0, 1, 2],
        "text_config": (QWEN2, LLAMA),
        "vision_config": {**VISION, "window_kernel_size": [[2, 2], [1, 3]]},
    },
    "video_llava": {**LLAVA, "vision_config": (CLIP,)},
    "got_ocr2": {
        **TOP,
        "text_config": (QWEN2, LLAMA, TIED_TEXT),
        "vision_config": {
            "hidden_size": [16, 24],
            "output_channels": [6, 8],
            "num_hidden_layers": LAYERS,
            "num_attention_heads": [2, 4],
            "num_channels": [1, 3],
            "image_size": [28, 30],
            "patch_size": [7, 14],
            "qkv_bias": BOTH,
            "use_abs_pos": BOTH,
            "use_rel_pos": BOTH,
            "window_size": [0, 2, 3],
            "global_attn_indexes": [[0], [1, 2], []],
            "mlp_dim": [20, 30],
        },
    },
    "qwen3_omni_moe": {
        "enable_audio_output": (True, False),
        "thinker_config": QWEN3_OMNI,
        "talker_config": QWEN3_TALKER,
        "code2wav_config": QWEN3_SOUND,
    },
    "qwen2_5_omni": {
        "enable_audio_output": (True, False),
        "thinker_config": OMNI,
        "talker_config": QWEN_TALKER,
        "token2wav_config": QWEN_SOUND,
    },
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

# What the talker's class reads without a default.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "qwen3_omni_moe": {
        "talker_config": {"spatial_merge_size": 2, "text_config": {"shared_expert_intermediate_size": 8}},
    },
}
