"""Layers stacked anew: adapters of their own on weights that are shared, as PEFT 0.21.2 counts them."""

from __future__ import annotations

from typing import Any

import pytest
from endings import ends
from small_llama import llama

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.checkpoints.by_shape import model_of_shapes
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.nodes import Parameter

LLAMA = llama(num_hidden_layers=4, mlp_bias=True)
# What PEFT 0.21.2 counts as all parameters less the adapters, of four layers and of two.
FULL, HALF = 178_496, 95_680
# Rank 8 on q_proj: A and B of one layer.
ADAPTER = 8 * (64 + 64)


def cost(model: dict[str, Any] | None = None, **fields: Any) -> ModelCount:
    """Return the count of an adapter_config.json on a small model, Llama on q_proj unless others are given."""
    config, _ = read_adapter_config(
        Config({"peft_type": "LORA", "target_modules": ["q_proj"]} | fields, "adapter_config.json")
    )
    return count_model(read_config(Config(model or LLAMA), "small"), config)


def figures(**fields: Any) -> tuple[int, int, int]:
    """Return PEFT's two figures and the number of adapted modules."""
    found = cost(**fields)
    return found.trainable_params, found.all_params, found.adapted_modules


def test_layers_that_are_taken_twice_have_two_adapters_and_one_weight() -> None:
    """Four layers become seven."""
    assert figures(layer_replication=[[0, 4], [1, 4]]) == (7 * ADAPTER, FULL + 7 * ADAPTER, 7)


def test_layers_that_no_range_takes_are_gone() -> None:
    """From all parameters, not from the model as it was given."""
    found = cost(layer_replication=[[1, 3]])
    assert (found.trainable_params, found.all_params) == (2 * ADAPTER, HALF + 2 * ADAPTER)
    assert found.full_params == FULL


def test_replicas_are_named_by_their_place() -> None:
    """In the order of the ranges, so that other fields speak of the new layers."""
    found = cost(layer_replication=[[2, 4], [0, 1]], layers_to_transform=[0, 2], rank_pattern={"layers.2.*": 3})
    assert [(place.module.name, place.r) for place in found.targets.places] == [
        ("model.layers.0.self_attn.q_proj", 8),
        ("model.layers.2.self_attn.q_proj", 3),
    ]


@pytest.mark.parametrize("ranges", [None, [], [[0, 4]]])
def test_the_layers_as_they_are_change_nothing(ranges: object) -> None:
    """No ranges are all of them."""
    assert figures(layer_replication=ranges) == figures()


def test_negative_layers_count_from_the_end() -> None:
    """As PEFT indexes them."""
    assert figures(layer_replication=[[-2, 0]]) == figures(layer_replication=[[2, 4]])


def test_an_empty_range_takes_nothing() -> None:
    """Beside others; alone it leaves no layer."""
    assert figures(layer_replication=[[3, 1], [0, 2], [9, 9]]) == figures(layer_replication=[[0, 2]])
    with pytest.raises(InvalidInput, match="targeted by"):
        figures(layer_replication=[[1, 1]])


def test_each_replica_that_is_saved_is_a_copy_of_its_own() -> None:
    """What the replicas share is no longer shared when it is trained whole."""
    plain = cost(layer_replication=[[0, 1], [0, 1]])
    found = cost(layer_replication=[[0, 1], [0, 1]], modules_to_save=["up_proj"])
    assert found.all_params - plain.all_params == found.trainable_params - plain.trainable_params == 2 * (64 + 1) * 128


def test_a_shared_bias_is_trained_once() -> None:
    """Three biases of the one layer that is left."""
    assert cost(layer_replication=[[0, 1]] * 5, bias="all").bias_params == 128 + 128 + 64


@pytest.mark.parametrize(("model_type", "target"), [("bert", "query"), ("falcon", "dense")])
def test_layers_are_found_where_bert_and_falcon_have_them(model_type: str, target: str) -> None:
    """Four adapters on two layers."""
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}
    model = sizes | {"model_type": model_type, "architectures": [f"{model_type.capitalize()}Model"]}
    assert cost(model, target_modules=[target], layer_replication=[[0, 2]] * 2).adapted_modules == 4


@pytest.mark.parametrize("architecture", ["GPT2LMHeadModel", "T5ForConditionalGeneration"])
def test_a_model_whose_layers_peft_does_not_find_is_refused(architecture: str) -> None:
    """GPT-2's stand under `transformer`, where PEFT does not look."""
    model = {"model_type": "gpt2" if "GPT" in architecture else "t5", "architectures": [architecture]}
    with pytest.raises(InvalidInput, match="layer_replication finds no list of layers in 'small'"):
        cost(model, target_modules=["c_attn", "q"], layer_replication=[[0, 1]])


@pytest.mark.parametrize(
    "ranges",
    [
        [[0, 10**9]],
        [[0, 5]],
        [[-5, 1]],
        [[0, 10**4000]],
        [[0, 4]] * 2501,
        [["0", "4"]],
        [[0.0, 4.0]],
        [[0]],
        [[0, 1, 2]],
        [[]],
        [0, 4],
        "0-4",
        {"0": 4},
        4,
        [None],
        ["04"],
    ],
    ids=lambda ranges: repr(ranges)[:20] if not isinstance(ranges, int) else None,
)
def test_ranges_that_are_none_are_refused_at_once(ranges: object) -> None:
    """In one short line with the field's name."""
    with ends(), pytest.raises(InvalidInput, match="layer_replication") as caught:
        cost(layer_replication=ranges)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 400


@pytest.mark.parametrize("index", ["foo", "2", "01", "9" * 400])
def test_what_is_not_numbered_from_0_on_is_no_list_of_layers(index: str) -> None:
    """As a checkpoint's names may be."""
    parameters = [Parameter(f"layers.{number}.q_proj.weight", (8, 8)) for number in ("0", index)]
    config, _ = read_adapter_config(
        Config({"peft_type": "LORA", "target_modules": ["q_proj"], "layer_replication": [[0, 1]]})
    )
    with pytest.raises(InvalidInput, match="finds no list of layers"):
        count_model(model_of_shapes(parameters, "drawn", ()), config)
