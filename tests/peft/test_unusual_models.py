"""Configs of models that drawn ones do not reach: what only one class takes, and what a class refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lora_cli import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

sys.path.insert(0, str(Path(__file__).parent))
import drawn

WAVES = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "conv_dim": [8, 12],
    "conv_kernel": [3, 3],
    "conv_stride": [2, 2],
    "vocab_size": 30,
}
SHORTER = {"add_adapter": True, "num_adapter_layers": 2, "adapter_kernel_size": 5}
NARROWER = {**SHORTER, "output_hidden_size": 12}
BEFORE = {**NARROWER, "use_intermediate_ffn_before_adapter": True}
BEIT = {"hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 4, "intermediate_size": 24}
SWIN = {"depths": [1, 2], "num_heads": [2, 4], "embed_dim": 12}
SECTIONS: list[dict[str, Any]] = [
    {},
    {"text_config": None, "vision_config": {}},
    {"text_config": {"num_hidden_layers": 1}, "vision_config": None},
]
TINY = {"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "vocab_size": 50}
QUERIES = {"vision_config": TINY, "qformer_config": TINY}
ADAPTED = ("Model", "ForCTC", "ForXVector")

BUILT: list[tuple[str, str, dict[str, Any]]] = [
    *(("wav2vec2", f"Wav2Vec2{task}", more) for task in (*ADAPTED, "ForPreTraining") for more in (SHORTER, NARROWER)),
    *(("wavlm", f"WavLM{task}", more) for task in ADAPTED for more in (SHORTER, NARROWER)),
    *(("wav2vec2-bert", f"Wav2Vec2Bert{task}", more) for task in ADAPTED for more in (SHORTER, NARROWER, BEFORE)),
    ("hubert", "HubertForCTC", NARROWER),
    *(
        ("blip-2", "Blip2ForConditionalGeneration", {**QUERIES, "text_config": {"model_type": text, **TINY}})
        for text in ("llama", "gpt2", "bert", "bart")
    ),
    ("beit", "BeitForSemanticSegmentation", {**BEIT, "segmentation_indices": [0, 1, 2, 3]}),
    ("beit", "BeitForSemanticSegmentation", {**BEIT, "out_features": ["stem", "stage1", "stage2", "stage4"]}),
    ("beit", "BeitBackbone", BEIT),
    ("beit", "BeitBackbone", {**BEIT, "add_fpn": True, "out_features": ["stem", "stage1", "stage2", "stage4"]}),
    *((f"siglip{kind}", f"Siglip{kind}Model", more) for kind in ("", "2") for more in SECTIONS),
    ("swin", "SwinModel", {**SWIN, "hidden_size": 99, "num_layers": 7}),
]
REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("wav2vec2", "Wav2Vec2ForSequenceClassification", SHORTER),
    ("wavlm", "WavLMForAudioFrameClassification", SHORTER),
    ("hubert", "HubertForSequenceClassification", SHORTER),
    ("wav2vec2-bert", "Wav2Vec2BertModel", {"use_intermediate_ffn_before_adapter": True}),
    ("wav2vec2-bert", "Wav2Vec2BertForCTC", {"vocab_size": None}),
    ("wav2vec2-bert", "Wav2Vec2BertModel", {"conv_depthwise_kernel_size": 4}),
    ("wav2vec2-bert", "Wav2Vec2BertModel", {"position_embeddings_type": "learned"}),
    ("wav2vec2", "Wav2Vec2Model", {"conv_dim": [8, 12, 16]}),
    ("wav2vec2", "Wav2Vec2Model", {"num_feat_extract_layers": 3}),
    ("wav2vec2", "Wav2Vec2Model", {"conv_dim": ["8", 12]}),
    ("wav2vec2", "Wav2Vec2Model", {"feat_extract_norm": "batch"}),
    ("wav2vec2", "Wav2Vec2Model", {"num_attention_heads": 3}),
    ("wav2vec2", "Wav2Vec2Model", {"num_conv_pos_embedding_groups": 3}),
    ("wav2vec2", "Wav2Vec2ForPreTraining", {"codevector_dim": 7}),
    ("beit", "BeitForSemanticSegmentation", {**BEIT, "out_indices": [0, 1]}),
    ("beit", "BeitForSemanticSegmentation", BEIT),
    ("beit", "BeitModel", {**BEIT, "use_relative_position_bias": True, "patch_size": [16, 16]}),
    ("beit", "BeitModel", {**BEIT, "add_fpn": True}),
    ("beit", "BeitModel", {**BEIT, "segmentation_indices": [3, 5, 7, 11]}),
    ("beit", "BeitForSemanticSegmentation", {**BEIT, "out_indices": [0, 1, 2, 9]}),
    ("dinov2", "Dinov2Model", {"hidden_size": 16, "num_attention_heads": 2, "out_features": ["stage13"]}),
    ("convnext", "ConvNextModel", {"out_indices": [2, 1]}),
    ("swin", "SwinModel", {**SWIN, "out_indices": [3]}),
    ("siglip", "SiglipForImageClassification", {"text_config": 5}),
    ("blip-2", "Blip2Model", {**QUERIES, "text_config": {"model_type": "vit"}}),
    ("siglip", "SiglipModel", {"vision_config": {"image_size": [32, 32]}}),
    ("swin", "SwinModel", {**SWIN, "num_heads": [2]}),
    ("swin", "SwinModel", {**SWIN, "depths": 3}),
    ("segformer", "SegformerModel", {"hidden_sizes": [8, 16]}),
    ("convnext", "ConvNextModel", {"depths": [1, 1]}),
]


def config_of(model_type: str, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return a config.json of a class; the fields win over sizes that keep the model small."""
    waves = WAVES if model_type.startswith("wav") or model_type == "hubert" else {}
    return {"model_type": model_type, "architectures": [name], **waves, **fields}


@pytest.mark.parametrize(("model_type", "name", "fields"), BUILT)
def test_a_model_is_what_transformers_builds(model_type: str, name: str, fields: dict[str, Any]) -> None:
    """Every parameter's name and shape, and every module's name."""
    config = config_of(model_type, name, fields)
    ours, theirs = read_config(Config(config), "unusual"), drawn.build(config)
    assert {parameter.name: parameter.shape for parameter in ours.all_parameters()} == drawn.shapes(theirs)
    assert set(ours.module_names) == drawn.names(theirs)


@pytest.mark.parametrize(("model_type", "name", "fields"), REFUSED)
def test_what_transformers_refuses_is_refused(model_type: str, name: str, fields: dict[str, Any]) -> None:
    """In one line that names the value."""
    config = config_of(model_type, name, fields)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever transformers or torch raises
        drawn.build(config)
    with pytest.raises(InvalidInput):
        read_config(Config(config), "unusual")
