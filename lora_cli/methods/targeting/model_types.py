"""What PEFT and transformers know about single model types, beside PEFT's default targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# transformers stores the experts of these as inputs × outputs: `is_transposed`.
TRANSPOSED_TYPES = ("gpt_oss", "aria", "aria_text", "openai_privacy_filter")

# `_check_lora_target_modules_mamba`: PEFT refuses these parts, because Mamba's kernels use their weights directly.
MAMBA_TYPES = ("falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h")
MAMBA_PARTS = ("out_proj", "conv1d")


class Experts(NamedTuple):
    """The experts of a mixture that transformers fuses: what each old name became, and what each fusion holds.

    `block` is what the module around the router and the experts was called, where that has another name now.
    peft 0.21.2, `utils/transformers_weight_conversion.py`.
    """

    renamed: Mapping[str, str]
    fused: Mapping[str, tuple[str, ...]]
    block: str = "mlp"


_MIXTRAL = Experts(
    {"gate": "gate.weight", "w1": "gate_up_proj", "w3": "gate_up_proj", "w2": "down_proj"},
    {"gate_up_proj": ("w1", "w3")},
    "block_sparse_moe",
)
_QWEN = Experts(
    {"gate": "gate.weight", "gate_proj": "gate_up_proj", "up_proj": "gate_up_proj", "down_proj": "down_proj"},
    {"gate_up_proj": ("gate_proj", "up_proj")},
)
# The model types that transformers maps onto the two conversions (`_MODEL_TO_CONVERSION_PATTERN`; PEFT adds mixtral).
# It does not map qwen2_moe itself.
EXPERTS = {
    **dict.fromkeys(("minimax", "minimax_m2", "mixtral"), _MIXTRAL),
    **dict.fromkeys(
        (
            "afmoe",
            "beam",
            "cohere2_moe",
            "deepseek_v2",
            "deepseek_v3",
            "deepseek_v32",
            "dots1",
            "ernie4_5_moe",
            "exaone_moe",
            "flex_olmo",
            "glm4_moe",
            "glm4_moe_lite",
            "glm4v_moe",
            "glm_moe_dsa",
            "hunyuan_v1_moe",
            "longcat_flash",
            "mellum",
            "olmoe",
            "qwen3_moe",
            "qwen3_next",
            "qwen3_omni_moe",
            "qwen3_omni_moe_text",
            "qwen3_omni_moe_thinker",
            "solar_open",
        ),
        _QWEN,
    ),
}

# Models of a tower and a language model, which once held the whole model for text with its head.
TEXT_TYPES = frozenset(
    (
        "aria",
        "audioflamingo3",
        "aya_vision",
        "fuyu",
        "gemma3",
        "glmasr",
        "got_ocr2",
        "granite_speech",
        "granite_speech_plus",
        "internvl",
        "llava",
        "llava_next",
        "llava_next_video",
        "llava_onevision",
        "mistral3",
        "mllama",
        "musicflamingo",
        "paligemma",
        "pp_chart2table",
        "qwen2_audio",
        "video_llava",
        "vipllava",
        "voxtral",
        "voxtral_realtime",
    )
)
# Those of them whose tower is one of CLIP or SigLIP, which was a `vision_model` within the tower.
TOWER_TYPES = frozenset(
    (
        "aya_vision",
        "gemma3",
        "llava",
        "llava_next",
        "llava_next_video",
        "llava_onevision",
        "paligemma",
        "vipllava",
    )
)
