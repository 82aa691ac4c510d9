"""Weights that config.json says are quantised already: counted as they are stored, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import llama

from lora_cli import InvalidInput, check, count, fit, memory
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": "bfloat16"}
TRAINING = {"r": 4, "target": ["q_proj"], "seq": 32}


def stored(quantization: dict[str, Any] | None, **fields: Any) -> Model:
    """Return a small model whose config.json has this `quantization_config`."""
    whole = {"quantization_config": quantization, "torch_dtype": "bfloat16", **fields}
    return read_config(Config(llama(**{"num_key_value_heads": 2, **whole})), "stored")


def of(model: Model, **settings: Any) -> Any:
    """Return the memory of training it."""
    return memory(model, **{**TRAINING, **settings})


@pytest.mark.parametrize(
    ("quantization", "same"),
    [
        ({"quant_method": "bitsandbytes", **NF4}, "nf4"),
        ({**NF4, "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": "bf16"}, "nf4-double"),
        ({**NF4, "load_in_8bit": False, "llm_int8_skip_modules": ["lm_head", "vision_tower"]}, "nf4"),
        ({"load_in_8bit": True, "llm_int8_threshold": 6.0}, "int8"),
    ],
)
def test_what_bitsandbytes_stored_is_counted_as_it_stands(quantization: dict[str, Any], same: str) -> None:
    """Like the same model before, quantised by the option; which may be given too, and a note says so."""
    plain = of(stored(None), quantize=same)
    for settings in ({}, {"quantize": same}):
        found = of(stored(quantization), **settings)
        assert found.record() == plain.record()
        assert "it is quantised as the quantization_config of stored says" in found.notes
    assert not any("quantization_config" in note for note in plain.notes)


@pytest.mark.parametrize(
    ("quantization", "settings", "said"),
    [
        ({"quant_method": "bitsandbytes", **NF4}, {"quantize": "int8"}, "int8 contradicts .* says nf4; drop quantize"),
        ({"quant_method": "bitsandbytes", **NF4}, {"quantize": "none"}, "none contradicts .* says nf4; drop quantize"),
        ({"quant_method": "mxfp4"}, {"quantize": "nf4"}, "nf4 contradicts .* says mxfp4; drop quantize"),
        ({**NF4, "bnb_4bit_quant_type": "fp4"}, {}, "bnb_4bit_quant_type 'fp4', whose training has no replay"),
        ({"load_in_4bit": True}, {}, "bnb_4bit_quant_type 'fp4'"),
        ({**NF4, "bnb_4bit_compute_dtype": None}, {}, "bnb_4bit_compute_dtype 'float32', .* beside bfloat16"),
        ({**NF4, "llm_int8_skip_modules": ["lm_head", "model.layers.0"]}, {}, "llm_int8_skip_modules"),
        ({**NF4, "llm_int8_skip_modules": []}, {}, r"llm_int8_skip_modules \[\]"),
        ({"quant_method": "gptq", "bits": 4}, {}, "'gptq', whose training has no replay"),
        ({"quant_method": "awq", "bits": 4}, {}, "'awq'"),
        ({"quant_method": "fp8"}, {}, "'fp8'"),
        ({"quant_method": "compressed-tensors"}, {}, "'compressed-tensors'"),
        ({"bits": 4}, {}, "no quant_method, and its training has no replay"),
        ({"load_in_4bit": "yes"}, {}, "load_in_4bit is 'yes'; it must be true or false"),
    ],
)
def test_what_has_no_replay_is_refused_by_name(
    quantization: dict[str, Any], settings: dict[str, Any], said: str
) -> None:
    """Never counted as a base of 16 bits in silence."""
    with pytest.raises(InvalidInput, match=said):
        of(stored(quantization), **settings)


def test_mxfp4_is_turned_back_for_a_training() -> None:
    """As transformers does, so the figures are those of the model before."""
    found = of(stored({"quant_method": "mxfp4"}))
    assert found.record() == of(stored(None)).record()
    assert any("turns back" in note for note in found.notes)


def test_limits_of_memory_see_it_too() -> None:
    """A check and a fit judge what stands in memory."""
    small, plain = stored(NF4), stored(None)
    training = {"seq": 32}
    (verdict,) = check(count(model=small, r=4, target=["q_proj"]), max_memory="80GB", training=training)
    (other,) = check(
        count(model=plain, r=4, target=["q_proj"]), max_memory="80GB", training=training | {"quantize": "nf4"}
    )
    assert verdict.value == other.value
    with pytest.raises(InvalidInput, match="gptq"):
        fit(model=stored({"quant_method": "gptq"}), target=["q_proj"], max_memory="80GB", training=training)
