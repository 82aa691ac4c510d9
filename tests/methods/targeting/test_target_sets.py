"""The usual sets of targets: each names what it says, in every family."""

from __future__ import annotations

import pytest

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.targeting.name_matching import all_linear
from lora_cli.methods.targeting.target_sets import QUERIES_AND_VALUES, target_sets
from lora_cli.methods.targeting.targets import targets
from lora_cli.models.sources.preset import names, read_preset


@pytest.mark.parametrize("name", names())
def test_sets_are_matched_and_attention_and_the_rest_are_all_of_the_layers(name: str) -> None:
    """Each name means some module, none of them two sets' modules, and no layer of all-linear is forgotten."""
    model = read_preset(name)
    whole = set(all_linear(model, AdapterConfig()))
    found = [chosen for chosen in target_sets(model) if isinstance(chosen, tuple)]
    reached = {}
    for chosen in found:
        matched = {
            linear for linear in whole if any(linear == entry or linear.endswith(f".{entry}") for entry in chosen)
        }
        assert all(any(linear.endswith(entry) for linear in matched) for entry in chosen)
        reached[chosen] = matched
    # Queries and values are some of the attention; where the rest has no names of its own, there is no set of it.
    whole_sets = [matched for chosen, matched in reached.items() if chosen not in QUERIES_AND_VALUES]
    if len(whole_sets) > 1:
        attention, rest = whole_sets
        assert not attention & rest
        assert {linear for linear in whole if any(part.isdigit() for part in linear.split("."))} == attention | rest


def test_a_family_has_the_sets_that_people_write() -> None:
    """Llama's four of attention and three of the feed-forward, BERT's by the names around its dense."""
    assert list(target_sets(read_preset("llama-3.1-8b"))) == [
        None,
        ("q_proj", "v_proj"),
        ("q_proj", "k_proj", "v_proj", "o_proj"),
        ("gate_proj", "up_proj", "down_proj"),
        "all-linear",
    ]
    assert ("query", "key", "value", "attention.output.dense") in target_sets(read_preset("bert-base"))
    model = read_preset("t5-small")
    chosen = [names for names in target_sets(model) if isinstance(names, tuple)]
    assert all(targets(model, AdapterConfig(target_modules=names)).unmatched == () for names in chosen)
