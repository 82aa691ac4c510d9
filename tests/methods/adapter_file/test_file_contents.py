"""What PEFT writes into a file, by key: a small Llama's, as a run of PEFT 0.21.2 wrote them."""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import narrow

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

LLAMA = narrow(architectures=["LlamaForCausalLM"], num_hidden_layers=1)
MIXTRAL = {**LLAMA, "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 3}
QUERY = "model.layers.0.self_attn.q_proj"
ADAPTER = {f"{QUERY}.lora_A.weight": ("F32", (2, 16)), f"{QUERY}.lora_B.weight": ("F32", (16, 2))}


def cost(model: dict[str, Any] = LLAMA, **fields: Any) -> ModelCount:
    """Return the count of LoRA of rank 2, on q_proj unless told otherwise."""
    adapter = {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"], **fields}
    return count_model(read_config(Config(model), "small"), read_adapter_config(Config(adapter))[0])


def saved(model: dict[str, Any] = LLAMA, **fields: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the types and shapes of a file by key, without what all keys begin with."""
    tensors = cost(model, **fields).file_tensors or {}
    return {key.removeprefix("base_model.model."): (tensor.dtype, tensor.stored) for key, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, {}),
        ({"use_dora": True}, {f"{QUERY}.lora_magnitude_vector": ("F32", (16,))}),
        ({"modules_to_save": ["lm_head"]}, {"lm_head.weight": ("F32", (50, 16))}),
        ({"velora_config": {"num_groups": 3}}, {f"{QUERY}.lora_velora_embed": ("F32", (6,))}),
        (
            {"trainable_token_indices": [1, 2]},
            {"model.embed_tokens.token_adapter.trainable_tokens_delta": ("F32", (2, 16))},
        ),
        (
            {"modules_to_save": ["mlp", "up_proj"]},
            {
                "model.layers.0.mlp.gate_proj.weight": ("F32", (24, 16)),
                "model.layers.0.mlp.up_proj.weight": ("F32", (24, 16)),
                "model.layers.0.mlp.down_proj.weight": ("F32", (16, 24)),
            },
        ),
    ],
    ids=["plain", "dora", "copy", "velora", "tokens", "a copy within a copy"],
)
def test_a_file_holds_adapters_copies_and_rows(fields: dict[str, Any], more: dict[str, Any]) -> None:
    """Each under the name of what it is beside, or a copy of."""
    assert saved(**fields) == ADAPTER | more


def test_a_copy_keeps_the_bases_type_and_an_adapter_does_not() -> None:
    """PEFT makes adapters float32 where the base is in half precision."""
    assert saved({**LLAMA, "dtype": "bfloat16"}, modules_to_save=["lm_head"]) == ADAPTER | {
        "lm_head.weight": ("BF16", (50, 16))
    }


@pytest.mark.parametrize("targets", [["q_proj", "embed_tokens"], r".*(q_proj|embed_tokens)"])
def test_targeted_embeddings_are_saved_with_their_adapter(targets: Any) -> None:
    """The whole weight too, if the target is called as embeddings mostly are."""
    embeddings = {
        "model.embed_tokens.base_layer.weight": ("F32", (50, 16)),
        "model.embed_tokens.lora_embedding_A": ("F32", (2, 50)),
        "model.embed_tokens.lora_embedding_B": ("F32", (16, 2)),
    }
    assert saved(target_modules=targets) == ADAPTER | embeddings
    rows = {"lm_head.token_adapter.trainable_tokens_delta": ("F32", (1, 16))}
    without = {key: value for key, value in embeddings.items() if "base_layer" not in key}
    assert saved(target_modules=targets, trainable_token_indices={"lm_head": [1]}) == ADAPTER | without | rows


@pytest.mark.parametrize(("bias", "leaves"), [("all", ("q", "k", "v", "o")), ("lora_only", ("q",))])
def test_biases_are_saved_under_the_names_that_they_have_then(bias: str, leaves: tuple[str, ...]) -> None:
    """An adapted module's lies in its base layer."""
    names = [f"model.layers.0.self_attn.{leaf}_proj" for leaf in leaves]
    found = saved({**LLAMA, "attention_bias": True}, bias=bias)
    assert found == ADAPTER | {f"{name}{'.base_layer' if name == QUERY else ''}.bias": ("F32", (16,)) for name in names}


def test_the_wrappers_of_experts_are_nested() -> None:
    """The first parameter's adapter is within the second's; r per expert."""
    experts = "model.layers.0.mlp.experts"
    assert saved(MIXTRAL, target_modules=[], target_parameters=["gate_up_proj", "down_proj"]) == {
        f"{experts}.base_layer.lora_A.weight": ("F32", (6, 16)),
        f"{experts}.base_layer.lora_B.weight": ("F32", (48, 6)),
        f"{experts}.lora_A.weight": ("F32", (6, 24)),
        f"{experts}.lora_B.weight": ("F32", (16, 6)),
    }


@pytest.mark.parametrize("excluded", [[], ["o_proj"]])
def test_every_linear_may_take_in_a_head_whose_name_is_that_of_embeddings(excluded: list[str]) -> None:
    """PEFT asks then for embeddings, which a model of two language models does not name, and saves nothing."""
    found = cost({"model_type": "qwen2_5_omni"}, target_modules="all-linear", exclude_modules=excluded)
    assert "thinker.lm_head" in {place.module.name for place in found.targets.places}
    assert found.adapter_bytes is None
