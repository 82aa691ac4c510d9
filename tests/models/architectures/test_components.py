"""Hostile config.json files of diffusers: whatever their values, the answer is a total or one clear refusal, at once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from draws import examples
from endings import ends
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.registry import UnknownArchitecture, class_names

FIELDS = sorted(
    {"patch_size", "in_channels", "out_channels", "num_layers", "num_single_layers", "attention_head_dim"}
    | {"num_attention_heads", "joint_attention_dim", "dual_attention_layers", "qk_norm", "down_block_types"}
    | {"up_block_types", "mid_block_type", "block_out_channels", "layers_per_block", "transformer_layers_per_block"}
    | {"reverse_transformer_layers_per_block", "only_cross_attention", "cross_attention_dim", "norm_num_groups"}
    | {"class_embed_type", "addition_embed_type", "mlp_ratio", "all_patch_size", "axes_dims", "activation_fn"}
    | {"interpolation_scale", "n_heads", "dim", "conv_in_kernel", "use_additional_conditions", "_class_name"}
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-3, 70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def read(**fields: Any) -> Model:
    """Return the model of these fields, which must end."""
    with ends():
        return read_config(Config(fields), "test")


@settings(max_examples=examples(400))
@given(st.sampled_from(class_names()), st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), JUNK))
def test_whatever_the_fields_hold_is_a_total_or_a_refusal(class_name: str, fields: dict[str, Any]) -> None:
    """Nothing else is ever raised, and it ends at once."""
    with suppress(InvalidInput):
        assert read(**{"_class_name": class_name} | fields).full_params >= 0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"num_layers": 10**9}, "num_layers"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"_class_name": "FluxTransformer3DModel"}, "did you mean FluxTransformer2DModel"),
        ({"_class_name": ["FluxTransformer2DModel"]}, "_class_name"),
        ({"_class_name": "UNet2DConditionModel", "layers_per_block": 10**9}, "layers_per_block"),
        (
            {"_class_name": "UNet2DConditionModel", "transformer_layers_per_block": 10**9},
            "transformer_layers_per_block",
        ),
        ({"_class_name": "UNet2DConditionModel", "transformer_layers_per_block": 0}, "from 1 to 200"),
        ({"_class_name": "UNet2DConditionModel", "reverse_transformer_layers_per_block": []}, "a list of 4"),
        ({"_class_name": "UNet2DConditionModel", "down_block_types": ["DownBlock2D"] * 10**5}, "up_block_types"),
        ({"_class_name": "UNet2DConditionModel", "block_out_channels": [320, 640]}, "block_out_channels"),
        ({"_class_name": "UNet2DConditionModel", "attention_head_dim": [5, None, 5, 5]}, "attention_head_dim"),
        ({"_class_name": "UNet2DConditionModel", "mid_block_type": ["UNetMidBlock2D"]}, "mid_block_type"),
        ({"_class_name": "UNet2DConditionModel", "block_out_channels": []}, "block_out_channels"),
        ({"_class_name": "UNet2DConditionModel", "norm_num_groups": 7}, "norm_num_groups 7"),
        ({"_class_name": "UNet2DConditionModel", "attention_head_dim": 400}, "attention_head_dim 400"),
        ({"_class_name": "SD3Transformer2DModel", "attention_head_dim": 7, "num_attention_heads": 1}, "not divisible"),
        ({"_class_name": "WanTransformer3DModel", "patch_size": [1, 2]}, "patch_size"),
        ({"_class_name": "ZImageTransformer2DModel", "axes_dims": [1, 2, 3]}, "axes_dims"),
        ({"_class_name": "PixArtTransformer2DModel", "num_embeds_ada_norm": None}, "num_embeds_ada_norm"),
        ({"_class_name": "SanaTransformer2DModel", "mlp_ratio": -1}, "mlp_ratio"),
    ],
    ids=str,
)
def test_a_wrong_field_is_refused_by_name(fields: dict[str, Any], problem: str) -> None:
    """In one line that names the field."""
    with pytest.raises(InvalidInput, match=problem) as caught:
        read(**{"_class_name": "FluxTransformer2DModel"} | fields)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"_class_name": "UNet2DConditionModel", "mid_block_type": "UNetMidBlock2DSimple"},
        {"_class_name": "UNet2DConditionModel", "dual_cross_attention": True},
        {"_class_name": "LTXVideoTransformer3DModel", "activation_fn": "relu"},
        {"_class_name": "AutoencoderKL"},
    ],
    ids=str,
)
def test_what_is_not_known_may_still_be_read_by_its_headers(fields: dict[str, Any]) -> None:
    """Another source may know its modules."""
    with pytest.raises(UnknownArchitecture):
        read(**fields)


KANDINSKY = {
    "_class_name": "UNet2DConditionModel",
    "down_block_types": ["ResnetDownsampleBlock2D", *["SimpleCrossAttnDownBlock2D"] * 3],
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": [*["SimpleCrossAttnUpBlock2D"] * 3, "ResnetUpsampleBlock2D"],
    "attention_head_dim": 64,
    "layers_per_block": 3,
    "encoder_hid_dim": 1280,
    "resnet_time_scale_shift": "scale_shift",
}


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        (
            {
                "block_out_channels": [384, 768, 1152, 1536],
                "cross_attention_dim": 768,
                "out_channels": 8,
                "encoder_hid_dim_type": "image_proj",
                "addition_embed_type": "image",
            },
            1253057288,
        ),
        (
            {
                "block_out_channels": [384, 768, 1152, 1536],
                "cross_attention_dim": 768,
                "out_channels": 8,
                "encoder_hid_dim": 1024,
                "encoder_hid_dim_type": "text_image_proj",
                "addition_embed_type": "text_image",
            },
            1228661768,
        ),
        (
            {
                "block_out_channels": [320, 640, 1280, 1280],
                "in_channels": 3,
                "out_channels": 6,
                "encoder_hid_dim": 4096,
                "cross_attention_norm": "group_norm",
                "class_embed_type": "timestep",
                "addition_embed_type": "text",
            },
            1114305030,
        ),
    ],
    ids=["Kandinsky 2.2", "Kandinsky 2.1", "DeepFloyd IF"],
)
def test_a_unet_of_single_attentions_is_what_diffusers_builds(fields: dict[str, Any], total: int) -> None:
    """Each attends to image and text at once, and residual blocks resize the image."""
    assert read(**KANDINSKY | fields).full_params == total


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        ({"attention_type": "gated", "cross_attention_dim": 768}, 1068623204),
        ({"attention_type": "gated-text-image", "cross_attention_dim": 768}, 1069707108),
    ],
)
def test_a_unet_with_boxes_is_what_diffusers_builds(fields: dict[str, Any], total: int) -> None:
    """GLIGEN: each transformer has an attention to what is in the boxes."""
    assert read(**{"_class_name": "UNet2DConditionModel"} | fields).full_params == total


@pytest.mark.parametrize(("kind", "more"), [("identity", 0), ("simple_projection", 513 * 1280)])
def test_a_class_may_be_given_as_it_is_or_projected_once(kind: str, more: int) -> None:
    """As AudioLDM gives what it knows of a sound."""
    plain = {"_class_name": "UNet2DConditionModel", "projection_class_embeddings_input_dim": 512}
    assert read(**plain, class_embed_type=kind).full_params - read(**plain).full_params == more


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"attention_type": "gated", "cross_attention_dim": [768] * 4}, "cross_attention_dim is .* a whole number"),
        ({"class_embed_type": "simple_projection"}, "projection_class_embeddings_input_dim is None"),
        ({"addition_embed_type": "image"}, "encoder_hid_dim is None"),
        ({"encoder_hid_dim_type": "image_proj"}, "encoder_hid_dim is None; it must be a size, since"),
        ({**KANDINSKY, "cross_attention_norm": "group_norm", "cross_attention_dim": 20}, "20 is not divisible by 32"),
    ],
)
def test_conditions_that_do_not_go_together_are_refused(fields: dict[str, Any], problem: str) -> None:
    """By the name of the field."""
    with pytest.raises(InvalidInput, match=problem):
        read(**{"_class_name": "UNet2DConditionModel"} | fields)
