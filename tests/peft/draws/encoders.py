"""BERT and its kin, ViT and CLIP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LABELS = {"num_labels": [0, 1, 2, 5], "id2label": [None, None, {"0": "a", "1": "b", "2": "c"}]}
SIZES = {
    "hidden_size": [16, 48, 96],
    "intermediate_size": [24, 40],
    "num_hidden_layers": [1, 2, 3],
    "num_attention_heads": [1, 4, 8],
}
BERT = {
    **SIZES,
    **LABELS,
    "vocab_size": [50, 77],
    "max_position_embeddings": [20, 33],
    "type_vocab_size": [1, 2, 3],
    "is_decoder": [True, False],
    "tie_word_embeddings": [True, False],
}
TEXT = {**SIZES, "vocab_size": [50, 77], "max_position_embeddings": [20, 33], "projection_dim": [12, 30]}
VISION = {
    **SIZES,
    "num_channels": [1, 3],
    "image_size": [32, 50],
    "patch_size": [8, 14, 64],
    "projection_dim": [12, 30],
}

DRAWS: dict[str, Mapping[str, Sequence[Any]]] = {
    "bert": BERT,
    "roberta": BERT,
    "xlm-roberta": BERT,
    "electra": {
        **BERT,
        "embedding_size": [16, 24, 96],
        "summary_use_proj": [True, False],
        "summary_proj_to_labels": [None, True, False],
    },
    "distilbert": {
        "dim": [24, 48, 96],
        "hidden_dim": [24, 40],
        "n_heads": [1, 4, 8],
        "n_layers": [1, 2, 3],
        "vocab_size": [50, 77],
        "max_position_embeddings": [20, 33],
        "sinusoidal_pos_embds": [True, False],
        "tie_word_embeddings": [True, False],
        # ForQuestionAnswering refuses any other number.
        "num_labels": [2],
    },
    "camembert": BERT,
    "xlm-roberta-xl": BERT,
    "mpnet": {**BERT, "relative_attention_num_buckets": [7, 32]},
    "layoutlm": {**BERT, "max_2d_position_embeddings": [9, 30]},
    "layoutlmv3": {
        **BERT,
        "num_labels": [1, 9, 10, 12],
        "max_2d_position_embeddings": [9, 30],
        "coordinate_size": [5, 8],
        "shape_size": [3, 4],
        "has_relative_attention_bias": [True, False],
        "has_spatial_attention_bias": [True, False],
        "rel_pos_bins": [7, 32],
        "rel_2d_pos_bins": [5, 64],
        "visual_embed": [True, True, False],
        "input_size": [32, 50],
        "num_channels": [1, 3],
        "patch_size": [8, 14],
    },
    "longformer": {
        **{name: values for name, values in BERT.items() if name != "num_hidden_layers"},
        "num_hidden_layers, attention_window": [(1, 4), (2, [2, 6]), (3, 8)],
    },
    "modernbert": {
        **SIZES,
        "num_labels": [1, 2, 5],
        "vocab_size": [50300, 50400],  # the default pad_token_id, 50283, must be within it
        "tie_word_embeddings": [True, False],
        "norm_bias": [True, False],
        "attention_bias": [True, False],
        "mlp_bias": [True, False],
        "decoder_bias": [True, False],
        "classifier_bias": [True, False],
        "attention_dropout": [0.0, 0.1],
        "global_attn_every_n_layers": [1, 2],
    },
    "albert": {
        **BERT,
        "num_attention_heads": [3, 4, 7],
        "embedding_size": [16, 24],
        "num_hidden_groups": [1, 2],
        "inner_group_num": [1, 2, 3],
    },
    "deberta": {
        **BERT,
        "type_vocab_size": [0, 2],
        "relative_attention": [True, True, False],
        "position_biased_input": [True, False],
        "pos_att_type": [None, [], ["p2c"], ["c2p", "p2c"], "c2p", "P2C | c2p"],
        "max_relative_positions": [-1, 0, 13],
        "talking_head": [True, False],
        "embedding_size": [16, 24],
        "pooler_hidden_size": [16, 20],
        "legacy": [True, False],
    },
    "deberta-v2": {
        **BERT,
        "type_vocab_size": [0, 2],
        "relative_attention": [True, True, False],
        "position_biased_input": [True, False],
        "pos_att_type": [None, [], ["p2c"], ["c2p", "p2c"], "c2p", "P2C | c2p"],
        "share_att_key": [None, True, False],
        "attention_head_size": [4, 7],
        "position_buckets": [-1, 0, 9],
        "max_relative_positions": [-1, 0, 13],
        "norm_rel_ebd": ["none", "layer_norm", "Layer_Norm | other"],
        "conv_kernel_size": [0, 3, 4],
        "conv_groups": [1, 4],
        "embedding_size": [16, 24],
        "pooler_hidden_size": [16, 20],
        "legacy": [True, False],
    },
    "vit": {
        **SIZES,
        **LABELS,
        "head_dim": [5, 8],
        "num_channels": [1, 3],
        "image_size": [32, 50, [32, 48]],
        "patch_size": [8, 14, 64, [8, 16]],
        "qkv_bias": [True, False],
        "encoder_stride": [2, 8],
        "pooler_output_size": [None, 0, 20],
    },
    "clip": {
        **LABELS,
        "projection_dim": [12, 30],
        "text_config": [None, {}, *({"hidden_size": d, "num_attention_heads": 4, "vocab_size": 50} for d in (16, 48))],
        "text_config_dict": [None, None, {"hidden_size": 32, "num_hidden_layers": 2}],
        "vision_config": [
            None,
            {},
            *({"hidden_size": 48, "patch_size": patch, "num_hidden_layers": 3} for patch in (14, 16)),
        ],
        "vision_config_dict": [None, None, {"image_size": 50, "num_channels": 1}],
    },
    "clip_text_model": TEXT,
    "clip_vision_model": VISION,
}
