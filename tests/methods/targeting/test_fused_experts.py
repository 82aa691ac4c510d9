"""Experts that a model holds as one parameter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_models import cost, leaves, model, names

from lora_cli.analysis.count.model_count import count_model
from lora_cli.analysis.count.remarks import notes_of, warnings_of
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.checkpoints.by_shape import model_of_shapes
from lora_cli.models.config import Config
from lora_cli.models.nodes import Parameter


def test_a_mixtures_experts_are_reached_as_fused_parameters() -> None:
    """w1 and w3 are one parameter now, of double rank: 3 experts of 2r (64 + 192), and of r (96 + 64)."""
    found = cost(model("mixtral"), target_modules=("w1", "w2", "w3"), r=2)
    places = {(place.module.name.rsplit(".", 1)[-1], place.r, place.experts) for place in found.targets.places}
    assert places == {("gate_up_proj", 4, 3), ("down_proj", 2, 3)}
    assert found.trainable_params == 2 * 3 * (4 * (64 + 192) + 2 * (96 + 64))


@pytest.mark.parametrize("model_type", ["minimax", "minimax_m2"])
def test_every_type_with_mixtrals_experts_is_rewritten(model_type: str) -> None:
    """PEFT looks at the model type alone, whatever the model has."""
    subject = replace(model("mixtral"), model_type=model_type)
    assert names(subject, target_modules="all-linear") == names(model("mixtral"), target_modules="all-linear")


@pytest.mark.parametrize("model_type", ["deepseek_v2", "glm4_moe", "olmoe", "qwen3_next", "qwen3_omni_moe_text"])
def test_every_type_with_qwens_experts_is_rewritten(model_type: str) -> None:
    """The old names of the experts are taken from the list, so that dense layers are not adapted by them."""
    dense = replace(model(), model_type=model_type)
    assert leaves(dense, target_modules="all-linear") == {"q_proj", "k_proj", "v_proj", "o_proj"}
    with pytest.raises(InvalidInput, match="target up_proj too"):
        names(dense, target_modules=("gate_proj", "q_proj"))


def test_an_alpha_of_null_is_refused_where_experts_are_fused() -> None:
    """PEFT doubles it for what it fuses, whatever a pattern says."""
    pattern = dict.fromkeys(("w1", "w2", "w3", "gate_up_proj", "down_proj"), 4)
    fields = {"target_modules": ["w1", "w2", "w3"], "lora_alpha": None, "alpha_pattern": pattern}
    with pytest.raises(InvalidInput, match="lora_alpha is null"):
        count_model(model("mixtral"), read_adapter_config(Config(fields, "config"), "lora")[0])


def test_half_of_what_is_fused_is_refused() -> None:
    """PEFT cannot adapt one half of a parameter; the other half is named."""
    with pytest.raises(InvalidInput, match="target w3 too"):
        names(model("mixtral"), target_modules=("w1",))


def test_a_parameter_without_values_is_adapted() -> None:
    """As PEFT does: A has the other side's values, and B has none."""
    subject = model_of_shapes([Parameter("a.experts", (2, 0, 8)), Parameter("a.b.weight", (2, 2))], "drawn", ())
    found = cost(subject, r=3, target_modules=(), target_parameters=("experts",))
    assert (found.trainable_params, found.all_params) == (48, 52)


def test_a_target_parameter_that_matched_nothing_is_told() -> None:
    """As a target module is."""
    found = cost(model(), target_modules=("q_proj",), target_parameters=("experts.down_proj",))
    assert list(warnings_of(found)) == ["target_parameters 'experts.down_proj' matched nothing in small"]


def test_the_rank_of_what_is_fused_is_explained() -> None:
    """PEFT doubles r and alpha for two targets in one parameter; a parameter that is named itself keeps its rank."""
    said = (
        "gate_up_proj has rank 4: it holds w1 and w3 in one parameter, so PEFT multiplies its r and lora_alpha by 2, "
        "which keeps the scaling"
    )
    assert said in list(notes_of(cost(model("mixtral"), target_modules="all-linear", r=2)))
    named = cost(model("mixtral"), target_modules=(), target_parameters=("experts.gate_up_proj",), r=2)
    assert not any("has rank" in each for each in notes_of(named))
    assert not any("has rank" in each for each in notes_of(cost(model("mixtral"), target_modules=("q_proj",), r=2)))
