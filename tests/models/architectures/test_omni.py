"""Models that see, hear and speak: what their configs describe without torch, and what is refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

# What Qwen3-Omni's talker has no default for.
TALKER = {"talker_config": {"spatial_merge_size": 2}}
SPOKEN = {"talker_config": {"spatial_merge_size": 2, "text_config": {"shared_expert_intermediate_size": 8}}}


def read(model_type: str, **fields: Any) -> Model:
    """Return the model of a config.json."""
    return read_config(Config({"model_type": model_type, **fields}), "drawn")


@pytest.mark.parametrize(
    ("model_type", "total"),
    [
        ("gemma3n", 7_818_517_072),
        ("gemma3n_text", 6_835_235_568),
        ("gemma3n_vision", 294_126_912),
        ("gemma3n_audio", 681_348_640),
        ("qwen2_5_omni", 18_386_365_824),
        ("qwen2_5_omni_talker", 6_599_025_664),
        ("qwen3_omni_moe_thinker", 18_418_329_704),
        ("minicpm3", 4_073_875_968),
        ("qwen3_asr", 2_039_626_880),
        ("video_llava", 7_365_754_880),
        ("got_ocr2", 560_528_640),
        ("muse_glimmer", 29_776_626_688),
        ("minicpmv4_6", 9_111_202_816),
    ],
)
def test_the_defaults_are_those_of_transformers(model_type: str, total: int) -> None:
    """The totals that transformers 5.23 builds of a config.json without sizes; timm 1.0.31 makes the vision tower."""
    assert read(model_type).full_params == total


@pytest.mark.parametrize(
    ("model_type", "fields", "message"),
    [
        (
            "gemma3n_vision",
            {"architecture": "mobilenetv5_base"},
            "architecture 'mobilenetv5_base' is not supported yet",
        ),
        ("gemma3n_vision", {"model_args": {"features_only": True}}, "model_args .* is not supported yet"),
        ("gemma3n_text", {"intermediate_size": [8, 8]}, "for each of the 35 layers"),
        ("gemma3n_text", {"intermediate_size": [8] * 34 + [0]}, "intermediate_size is 0"),
        ("gemma3n_text", {"activation_sparsity_pattern": [0.5]}, "an entry for each of the 35 layers"),
        ("gemma3n_text", {"layer_types": ["conv"] * 35}, "layer_types has 'conv'"),
        ("gemma3n_text", {"num_kv_shared_layers": 31}, "layers of a type without keys and values"),
        ("gemma3n_text", {"num_attention_heads": 3}, "not divisible by num_attention_heads 3"),
        ("gemma3n_audio", {"sscp_conv_channel_size": [8]}, "a list of 2 sizes"),
        ("gemma3n_audio", {"sscp_conv_kernel_size": [3, 3]}, "a list of 2 sizes"),
        ("gemma3n_audio", {"sscp_conv_stride_size": 2}, "a list of 2 lists"),
        ("qwen2_5_omni", {"token2wav_config": {"dit_config": {"enc_dilations": [1]}}}, "a list of 5 sizes"),
        ("qwen2_5_omni", {"token2wav_config": {"dit_config": {"enc_res2net_scale": 300}}}, "it must be at most 256"),
        ("qwen2_5_omni", {"token2wav_config": {"bigvgan_config": {"upsample_initial_channel": 32}}}, "at least 64"),
        ("qwen3_omni_moe", {}, "spatial_merge_size is None"),
        ("qwen3_omni_moe", TALKER, "shared_expert_intermediate_size is None"),
        (
            "qwen3_omni_moe",
            SPOKEN | {"code2wav_config": {"decoder_dim": 8}},
            "decoder_dim is 8; it must be at least 16",
        ),
        ("qwen3_omni_moe", SPOKEN | {"code2wav_config": {"upsample_rates": [2]}}, "upsampling_ratios is None"),
    ],
)
def test_what_a_class_refuses_is_refused_by_name(model_type: str, fields: dict[str, Any], message: str) -> None:
    """And what timm has beside the one tower that Gemma 3n has."""
    with pytest.raises(InvalidInput, match=message):
        read(model_type, **fields)


def test_layers_that_reuse_keys_and_values_have_none() -> None:
    """The last 15 of Gemma 3n."""
    names = read("gemma3n_text").module_names
    assert len([name for name in names if name.endswith("k_proj")]) == 20
    assert len([name for name in names if name.endswith("q_proj")]) == 35


def test_the_voice_has_its_own_type_and_can_be_left_out() -> None:
    """What makes sound of Qwen2.5-Omni's speech tokens computes in float32, whatever the type of the model."""
    speaks = read("qwen2_5_omni", dtype="bfloat16")
    types = {p.dtype for p in speaks.all_parameters() if p.name.startswith("token2wav.")}
    assert types == {"F32"}
    assert set(speaks.parts.values()) >= {"talker", "token2wav"}
    silent = read("qwen2_5_omni", enable_audio_output=False)
    assert {name.partition(".")[0] for name in silent.module_names} == {"thinker"}
