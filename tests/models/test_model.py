"""The modules of a model: those that hold a weight, by kind, and those that hold nothing."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config


def model(model_type: str, **fields: Any) -> Model:
    """Return a model of that type, with transformers' defaults for missing fields."""
    return read_config(Config({"model_type": model_type, **fields}), "small")


def hollow(subject: Model) -> set[str]:
    """Return the names of the modules without parameters that are not lists."""
    return {module.name for module in subject.hollow if not module.is_list}


def lists(subject: Model) -> set[str]:
    """Return the names of the lists of layers."""
    return {module.name for module in subject.hollow if module.is_list}


def test_activations_and_rotary_embeddings_are_modules() -> None:
    """One of each layer, and one of the model."""
    llama = model("llama", num_hidden_layers=2)
    assert hollow(llama) == {"model.layers.0.mlp.act_fn", "model.layers.1.mlp.act_fn", "model.rotary_emb"}
    assert lists(llama) == {"model.layers"}


def test_modules_that_hold_nothing_count_for_nothing() -> None:
    """The total is that of transformers' BERT base with its head."""
    bert = model("bert")
    assert "bert.encoder.layer.11.output.dropout" in hollow(bert)
    assert bert.full_params == 109_514_298


def test_a_list_without_layers_is_a_list() -> None:
    """It has a name, as in torch."""
    assert lists(model("llama", num_hidden_layers=0)) == {"model.layers"}


def test_lists_stand_in_lists() -> None:
    """T5's blocks are lists of two layers, and of three in the decoder."""
    t5 = model("t5", num_layers=1)
    assert lists(t5) == {f"{side}.block{inner}" for side in ("encoder", "decoder") for inner in ("", ".0.layer")}
    assert "decoder.block.0.layer.2.DenseReluDense.act" in hollow(t5)


@pytest.mark.parametrize(("labels", "head"), [(0, {"classifier"}), (3, set())])
def test_a_head_without_labels_holds_nothing(labels: int, head: set[str]) -> None:
    """Transformers puts an Identity there."""
    assert hollow(model("vit", num_labels=labels)) & {"classifier"} == head


@pytest.mark.parametrize("affine", [True, False])
def test_a_norm_without_parameters_is_still_a_module(affine: bool) -> None:
    """A LayerNorm of OPT can be without parameters."""
    opt = model("opt", num_hidden_layers=1, layer_norm_elementwise_affine=affine)
    assert ("model.decoder.layers.0.final_layer_norm" in hollow(opt)) is not affine


def test_a_convolution_over_time_is_no_transposed_linear() -> None:
    """Torch's Conv1d is shaped h × d × kernel, GPT-2's Conv1D d × h."""
    found = {module.name: module for model_type in ("whisper", "gpt2") for module in model(model_type).modules}
    convolution, transposed = found["model.encoder.conv1"], found["transformer.h.0.attn.c_attn"]
    assert (convolution.kind, transposed.kind) == ("Conv1d", "Conv1D")
    assert [parameter.shape for parameter in convolution.parameters()] == [(384, 80, 3), (384,)]
    assert [parameter.shape for parameter in transposed.parameters()] == [(768, 2304), (2304,)]


def test_the_groups_of_a_convolution_share_its_inputs() -> None:
    """Each of four sees a quarter of the 64 channels."""
    deberta = model("deberta-v2", hidden_size=64, num_attention_heads=4, conv_kernel_size=3, conv_groups=4)
    convolution = next(module for module in deberta.modules if module.kind == "Conv1d")
    assert convolution.parameters()[0].shape == (64, 16, 3)
    assert convolution.weight_params == 64 * 16 * 3
