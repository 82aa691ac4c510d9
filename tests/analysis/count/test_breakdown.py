"""The rows of a count; that they add up is tested wherever a recorded count is (tests/recorded)."""

from __future__ import annotations

from typing import Any

import pytest
from breakdowns import assert_rows_add_up
from small_llama import llama

from lora_cli.analysis.count.breakdown import group_names, groups, modules
from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.sources.read_model import read_model

MIXTRAL = {
    "model_type": "mixtral",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 40,
    "num_local_experts": 3,
    "num_experts_per_tok": 2,
}


def count(model: dict[str, Any], peft_type: str, **fields: Any) -> ModelCount:
    """Count a config on a model."""
    read, _ = read_adapter_config(Config({"peft_type": peft_type, **fields}))
    return count_model(read_config(Config(model), "small"), read)


def test_an_adapter_inside_a_full_copy_is_part_of_the_copy() -> None:
    """PEFT trains the copy, with the adapters in it, and freezes the original; the figures are PEFT's."""
    cost = count(MIXTRAL, "LORA", r=4, target_modules="all-linear", modules_to_save=["mlp"])
    assert (cost.trainable_params, cost.all_params) == (12_088, 26_176)
    assert_rows_add_up(cost)
    assert "gate_up_proj" not in {row["module"] for row in groups(cost)}
    trained = {row["name"]: row["trainable_params"] for row in modules(cost)}
    assert trained["model.layers.0.mlp.experts.gate_up_proj"] == 0
    assert trained["model.layers.0.mlp"] == 5596


@pytest.mark.parametrize(
    ("peft_type", "fields", "row"),
    [
        ("TINYLORA", {"target_modules": ["q_proj"]}, "shared"),
        ("VBLORA", {"vector_length": 4, "target_modules": ["q_proj"]}, "shared"),
        ("PROMPT_TUNING", {"num_virtual_tokens": 5}, "prompt"),
    ],
)
def test_what_is_shared_has_a_row(peft_type: str, fields: dict[str, Any], row: str) -> None:
    """It belongs to no module."""
    cost = count(llama(), peft_type, **fields)
    assert row in {each["module"] for each in groups(cost)}
    assert_rows_add_up(cost)


def test_a_module_in_a_list_is_named_with_the_list() -> None:
    """As people write it for diffusers' models: to_out.0 and net.2."""
    small = {"attention_head_dim": 8, "num_attention_heads": 2, "num_layers": 1, "num_single_layers": 0}
    cost = count(
        {"_class_name": "FluxTransformer2DModel", **small}, "LORA", r=4, target_modules=["to_out.0", "net.2", "to_q"]
    )
    assert {row["module"]: row["count"] for row in groups(cost)} == {"to_q": 1, "to_out.0": 1, "net.2": 2}


def test_rows_of_one_name_are_told_apart() -> None:
    """By the outermost part of their names that differs, which is the tower here; a program gets the last part."""
    qwen = count_model(read_model("qwen2.5-vl-7b"), read_adapter_config(Config({"target_modules": "all-linear"}))[0])
    named = dict(zip(group_names(qwen), groups(qwen), strict=True))
    assert named["visual.*.gate_proj"]["h"] == 3420
    assert named["language_model.*.gate_proj"]["h"] == 18944
    assert {row["module"] for row in named.values()} >= {"gate_proj", "mlp.0", "q_proj"}
    assert {"q_proj", "mlp.0", "qkv"} <= named.keys()


def test_what_tells_rows_apart_is_a_target_where_it_stands_before_the_name() -> None:
    """GPT-2 has two modules called c_proj, and others of their own names."""
    cost = count_model(read_model("gpt2"), read_adapter_config(Config({"target_modules": "all-linear"}))[0])
    assert group_names(cost) == ["c_attn", "attn.c_proj", "c_fc", "mlp.c_proj"]
    experts = count(MIXTRAL, "LORA", r=4, target_modules="all-linear")
    assert group_names(experts) == [row["module"] for row in groups(experts)]
