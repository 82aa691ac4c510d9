"""Experts that a model holds as one parameter."""

from __future__ import annotations

import pytest
from small_models import cost, model, names

from lora_cli.analysis.count.remarks import warnings_of
from lora_cli.errors import InvalidInput
from lora_cli.models.checkpoints.by_shape import model_of_shapes
from lora_cli.models.nodes import Parameter


def test_a_mixtures_experts_are_reached_as_fused_parameters() -> None:
    """w1 and w3 are one parameter now, of double rank: 3 experts of 2r (64 + 192), and of r (96 + 64)."""
    found = cost(model("mixtral"), target_modules=("w1", "w2", "w3"), r=2)
    places = {(place.module.name.rsplit(".", 1)[-1], place.r, place.experts) for place in found.targets.places}
    assert places == {("gate_up_proj", 4, 3), ("down_proj", 2, 3)}
    assert found.trainable_params == 2 * 3 * (4 * (64 + 192) + 2 * (96 + 64))


def test_half_of_what_is_fused_is_refused() -> None:
    """PEFT cannot adapt one half of a parameter; the other half is named."""
    with pytest.raises(InvalidInput, match="target w3 too"):
        names(model("mixtral"), target_modules=("w1",))


def test_a_parameter_without_values_is_refused() -> None:
    """As a checkpoint may have one: nothing would be a percentage of nothing."""
    subject = model_of_shapes([Parameter("a.experts", (2, 0, 8)), Parameter("a.b.weight", (2, 2))], "drawn", ())
    with pytest.raises(InvalidInput, match=r"target parameter 'a\.experts' is empty"):
        cost(subject, target_modules=(), target_parameters=("experts",))


def test_a_target_parameter_that_matched_nothing_is_told() -> None:
    """As a target module is."""
    found = cost(model(), target_modules=("q_proj",), target_parameters=("experts.down_proj",))
    assert list(warnings_of(found)) == ["target_parameters 'experts.down_proj' matched nothing in small"]
