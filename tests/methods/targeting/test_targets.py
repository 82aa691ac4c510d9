"""What a config adapts in all: each kind of module, and what matched nothing."""

from __future__ import annotations

from typing import Any

import pytest
from breakdowns import assert_rows_add_up
from endings import calls
from small_models import cost, leaves, model

from lora_cli.analysis.count.breakdown import groups
from lora_cli.analysis.count.remarks import warnings_of
from lora_cli.errors import InvalidInput


def test_embeddings_convolutions_and_conv1d_are_targets() -> None:
    """R rows by the rows and the width, the kernel in A, and both sides of a Linear."""
    assert cost(target_modules=("embed_tokens",), r=2).trainable_params == 2 * (100 + 64)
    assert cost(model("vit"), target_modules=("projection",), r=2).trainable_params == 2 * (3 * 8 * 8 + 64)
    assert cost(model("gpt2"), target_modules=("c_attn",), r=2).trainable_params == 2 * 2 * (64 + 192)


def test_a_module_that_holds_nothing_can_be_excluded() -> None:
    """What is left of the feed-forward is adapted."""
    found = leaves(target_modules=r".*\.mlp\..*", exclude_modules=("act_fn",))
    assert found == {"gate_proj", "up_proj", "down_proj"}


@pytest.mark.parametrize(
    ("fields", "added"),
    [({}, 2 * (3 * 20 + 48)), ({"use_dora": True}, 2 * (3 * 20 + 48) + 48), ({"lora_bias": True}, 2 * 108 + 48)],
)
def test_a_convolution_is_adapted_with_its_kernel(fields: dict[str, Any], added: int) -> None:
    """A has the kernel of Whisper's 3 frames over 20 bands, B is pointwise: r (3 · 20 + 48)."""
    whisper = model("whisper", d_model=48, num_mel_bins=20, encoder_attention_heads=4, decoder_attention_heads=4)
    found = cost(whisper, target_modules=("conv1",), r=2, **fields)
    assert [place.module.kind for place in found.targets.places] == ["Conv1d"]
    assert found.adapter_params == added


def test_a_rank_is_divisible_by_the_groups_of_a_convolution() -> None:
    """B is split into the groups, A is not: r (3 · 48 + 48 / 4) for four groups."""
    deberta = model("deberta-v2", hidden_size=48, num_attention_heads=4, conv_kernel_size=3, conv_groups=4)
    assert cost(deberta, target_modules=("conv.conv",), r=4).adapter_params == 4 * (3 * 48 + 48 // 4)
    with pytest.raises(InvalidInput, match="rank 6 is not divisible by the 4 groups"):
        cost(deberta, target_modules=("conv.conv",), r=6)


def test_what_matched_nothing_is_named() -> None:
    """Each entry with its field; what matched is not."""
    found = cost(
        target_modules=("q_proj", "nope"),
        rank_pattern={"q_proj": 2, "k_proj": 3},
        modules_to_save=("lm_head", "pooler"),
    )
    assert found.targets.unmatched == (
        "target_modules 'nope'",
        "rank_pattern 'k_proj'",
        "modules_to_save 'pooler'",
    )
    assert all(any(entry in line for line in warnings_of(found)) for entry in found.targets.unmatched)


MANY = tuple(f"absent{number}" for number in range(100_000))


@pytest.mark.parametrize("field", ["target_modules", "exclude_modules", "target_parameters"])
def test_a_name_more_is_not_compared_with_every_module(field: str) -> None:
    """In each field of names that are looked up by their ends: a few calls for each of 100,000, not one for each module."""
    fields: dict[str, Any] = {"target_modules": ("q_proj",)}
    fields[field] = (*fields.get(field, ()), *MANY)
    subject = model(num_hidden_layers=200)
    assert calls(lambda: cost(subject, **fields).adapted_modules) < 30 * len(MANY)
    assert cost(subject, **fields).adapted_modules == 200


def test_what_is_trained_beside_adapters_is_in_the_table() -> None:
    """Full copies, rows and biases have a line each, so that the shares add up to 100 %."""
    bert = model("bert", architectures=["BertModel"])
    found = cost(
        bert,
        target_modules=("query",),
        modules_to_save=("pooler",),
        bias="all",
        trainable_token_indices={"word_embeddings": (1,)},
    )
    assert [row["module"] for row in groups(found)] == ["query", "full copies", "embedding rows", "biases"]
    assert_rows_add_up(found)
