"""Models of images and of speech: what their configs describe without torch, and what is refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config


def read(model_type: str, name: str, **fields: Any) -> Model:
    """Return the model of a config.json."""
    return read_config(Config({"model_type": model_type, "architectures": [name], **fields}), "drawn")


@pytest.mark.parametrize(
    ("model_type", "name", "total"),
    [
        ("dinov2", "Dinov2Model", 85_725_696),
        ("swin", "SwinForImageClassification", 27_520_892),
        ("beit", "BeitForImageClassification", 85_658_114),
        ("segformer", "SegformerForSemanticSegmentation", 3_714_658),
        ("convnext", "ConvNextForImageClassification", 27_821_666),
        ("siglip", "SiglipModel", 203_155_970),
        ("siglip2", "Siglip2Model", 203_202_050),
        ("blip-2", "Blip2ForConditionalGeneration", 1_216_944_384),
        ("wav2vec2", "Wav2Vec2ForCTC", 94_396_320),
        ("hubert", "HubertForSequenceClassification", 94_569_090),
        ("wavlm", "WavLMForXVector", 100_493_132),
        ("wav2vec2-bert", "Wav2Vec2BertModel", 580_493_120),
    ],
)
def test_the_defaults_are_those_of_transformers(model_type: str, name: str, total: int) -> None:
    """The totals that transformers 5.23 builds of a config.json without sizes."""
    assert read(model_type, name).full_params == total


@pytest.mark.parametrize(
    ("model_type", "name", "fields", "words"),
    [
        ("siglip", "SiglipForImageClassification", {"num_labels": 0}, "no labels"),
        ("gemma4_audio", "Gemma4AudioModel", {"subsampling_conv_channels": [8]}, "conv_channels is [8]; it must have"),
        (
            "gemma4_audio",
            "Gemma4AudioModel",
            {"subsampling_conv_channels": [8, "4"]},
            "it must be a list of whole numbers",
        ),
        ("gemma4_audio", "Gemma4AudioModel", {"subsampling_conv_channels": 8}, "conv_channels is 8; it must be a list"),
        ("swin", "SwinModel", {"depths": [1] * 40, "num_heads": [1] * 40}, "at most 20"),
        ("swin", "SwinModel", {"num_heads": [3, 6]}, "num_heads is [3, 6]; it must have a number for each stage"),
        ("convnext", "ConvNextModel", {"depths": [1, "2"]}, "a list of whole numbers from 0 to 10000"),
        ("wav2vec2", "Wav2Vec2Model", {"conv_kernel": [3]}, "have 7, 1 and 7 numbers; each must have 7"),
        ("wav2vec2", "Wav2Vec2Model", {"feat_extract_norm": "batch"}, "must be group or layer"),
        ("wav2vec2", "Wav2Vec2ForSequenceClassification", {"add_adapter": True}, "add_adapter is true"),
        ("wav2vec2-bert", "Wav2Vec2BertForCTC", {}, "vocab_size is None"),
        ("beit", "BeitForSemanticSegmentation", {"out_indices": [1]}, "out_indices names 1 layers"),
        ("blip-2", "Blip2Model", {"text_config": {"model_type": "vit"}}, "'vit' is not a part of other models"),
    ],
)
def test_what_does_not_fit_together_is_refused(model_type: str, name: str, fields: dict[str, Any], words: str) -> None:
    """In a sentence that names the field, its value and the limit."""
    with pytest.raises(InvalidInput) as caught:
        read(model_type, name, **fields)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_weight_norm_has_directions_and_lengths() -> None:
    """The convolution is a Conv1d that PEFT adapts, but its weight is not a parameter of its own."""
    model = read("wav2vec2", "Wav2Vec2Model", hidden_size=32, num_attention_heads=4, num_conv_pos_embeddings=5)
    name = "encoder.pos_conv_embed.conv"
    convolution = next(module for module in model.modules if module.name == name)
    assert (convolution.kind, convolution.groups) == ("Conv1d", 16)
    assert {parameter.name.removeprefix(f"{name}."): parameter.shape for parameter in convolution.parameters()} == {
        "parametrizations.weight.original0": (1, 1, 5),
        "parametrizations.weight.original1": (32, 2, 5),
        "bias": (32,),
    }
    assert {f"{name}.parametrizations", f"{name}.parametrizations.weight.0"} <= set(model.module_names)


def test_a_tie_inside_the_text_model_is_not_one_that_peft_finds() -> None:
    """PEFT asks the class of the whole model, and the head belongs to the text model inside it."""
    model = read("blip-2", "Blip2ForConditionalGeneration")
    assert model.output == "language_model.lm_head"
    assert model.tied == {"language_model.lm_head.weight": f"{model.embeddings}.weight"}
    assert model.tied_with_embeddings == ()


def test_a_backbone_norms_the_stages_whose_features_it_returns() -> None:
    """Those that config.json names, or else the last one; DINOv2 has the norm of its bare model."""
    named = read("swin", "SwinBackbone", depths=[1, 1], num_heads=[2, 2], out_features=["stem", "stage2"])
    norms = {p.name: p.shape for p in named.others if p.name.startswith("hidden_states_norms.")}
    assert norms == {
        f"hidden_states_norms.{stage}.{leaf}": (width,)
        for stage, width in (("stem", 96), ("stage2", 192))
        for leaf in ("weight", "bias")
    }
    last = read("convnext", "ConvNextBackbone").module_names[-2:]
    assert last == ["hidden_states_norms", "hidden_states_norms.stage4"]
    assert read("dinov2", "Dinov2Backbone").full_params == read("dinov2", "Dinov2Model").full_params


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"out_features": ["stage4", "stage1"]}, "in this order"),
        ({"out_features": ["stage9"]}, "a list of some of stem, stage1"),
        ({"out_indices": [5]}, "whole numbers below 5"),
        ({"out_indices": [-1, 4]}, "different stages in their order"),
        ({"out_features": ["stage1"], "out_indices": [2]}, "those of out_features"),
        ({"depths": [1] * 5}, "no size for stage5"),
    ],
)
def test_stages_that_a_backbone_cannot_return_are_refused(fields: dict[str, Any], message: str) -> None:
    """As transformers' config class refuses them."""
    with pytest.raises(InvalidInput, match=message):
        read("convnext", "ConvNextBackbone", **fields)
