"""Which modules a config.json says are quantised, by the fields that each quantisation has."""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import llama

from lora_cli import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.quantised_layers import (
    LAYERS,
    quantisation_method,
    quantised_names,
    replaced_linears,
    unknown_quantisation_note,
)

PROJECTIONS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def stored(quantization: Any, **fields: Any) -> Model:
    """Return a small model whose config.json has this `quantization_config`."""
    return read_config(Config(llama(quantization_config=quantization, **fields)), "stored")


def leaves(model: Model) -> set[str]:
    """Return the last parts of the names of what is quantised."""
    return {name.rpartition(".")[2] for name in quantised_names(model)}


@pytest.mark.parametrize("quantisation", sorted(LAYERS.keys() - {"mxfp4"}))
def test_the_linears_inside_layers_are_quantised(quantisation: str) -> None:
    """Neither the head nor embeddings; of MXFP4, no Linear at all."""
    model = stored({"quant_method": quantisation})
    assert len(quantised_names(model)) == 2 * len(PROJECTIONS)
    assert leaves(model) == PROJECTIONS
    assert replaced_linears(model) == (frozenset() if LAYERS[quantisation].is_linear else quantised_names(model))
    assert unknown_quantisation_note(model) is None
    assert not quantised_names(stored({"quant_method": "mxfp4"}))


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"modules_to_not_convert": ["q_proj", "lm_head"]}, PROJECTIONS - {"q_proj"}),
        ({"modules_to_not_convert": ["self_attn"]}, {"gate_proj", "up_proj", "down_proj"}),
        ({"modules_to_not_convert": ["model.layers"]}, set()),
        ({"linear_weights_not_to_quantize": ["model.layers.0.mlp.up_proj.weight", "lm_head.weight"]}, PROJECTIONS),
        ({"skip_modules": ["mlp.up_proj"]}, PROJECTIONS - {"up_proj"}),
        ({"modules_in_block_to_quantize": [["self_attn.q_proj"], ["mlp.up_proj"]]}, {"q_proj", "up_proj"}),
        ({"modules_in_block_to_quantize": ["q_proj"]}, {"q_proj"}),
        ({"block_name_to_quantize": "model.layers"}, PROJECTIONS),
        ({"block_name_to_quantize": "model.layer"}, set()),
        ({"quant_config": {"weight_quant_params": {"nbits": 4}}}, PROJECTIONS),
    ],
)
def test_what_a_field_leaves_out_is_not(fields: dict[str, Any], left: set[str]) -> None:
    """By the start, the end or a part of its name, or because another field names what is."""
    assert leaves(stored({"quant_method": "gptq", **fields})) == left


@pytest.mark.parametrize(
    "fields",
    [
        {"modules_to_not_convert": ["re:.*mlp.*"]},
        {"modules_to_not_convert": ["layers.*"]},
        {"dynamic": {"-:.*q_proj": {}}},
        {"quant_config": {"self_attn.q_proj": {"weight_quant_params": {}}}},
        {"quant_type": {"default": {"_type": "ModuleFqnToConfig"}}},
        {"bnb_4bit_quant_storage": "bfloat16"},
    ],
)
def test_none_is_sure_where_a_package_decides(fields: dict[str, Any]) -> None:
    """By regular expressions, by names of its own, or where packed weights look like floats."""
    assert not quantised_names(stored({"quant_method": "gptq", **fields}))


def test_towers_are_not_taken_for_quantised() -> None:
    """Of a model that sees, only the layers of the language model are."""
    text = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = {
        "model_type": "llava",
        "text_config": {"model_type": "llama", "vocab_size": 100, **text},
        "vision_config": {"model_type": "clip_vision_model", "image_size": 32, "patch_size": 8, **text},
        "quantization_config": {"quant_method": "awq"},
    }
    found = quantised_names(read_config(Config(config), "llava"))
    assert len(found) == len(PROJECTIONS)
    assert all("vision" not in name for name in found)


def test_methods_are_read_as_transformers_reads_them() -> None:
    """Two fields of bitsandbytes come before the name; an empty section is none."""
    assert quantisation_method(stored({"load_in_4bit": True, "quant_method": "other"})) == "bitsandbytes"
    assert quantisation_method(stored({"load_in_8bit": False, "quant_method": "awq"})) == "awq"
    assert quantisation_method(stored({})) is None
    assert quantisation_method(stored(None)) is None
    with pytest.raises(InvalidInput, match="quantization_config is 5; it must be an object"):
        quantisation_method(stored(5))


@pytest.mark.parametrize(
    ("quantization", "said"),
    [({"quant_method": "new4"}, "quant_method 'new4', which is not known here"), ({"bits": 4}, "no quant_method")],
)
def test_an_unknown_quantisation_is_said(quantization: dict[str, Any], said: str) -> None:
    """It is not silently counted."""
    assert (
        unknown_quantisation_note(stored(quantization))
        == f"the quantization_config of stored has {said}; its layers are counted "
        "as plain Linears, though PEFT may refuse to adapt them"
    )
