"""Modules that are trained whole beside the adapters: PEFT's `modules_to_save`."""

from __future__ import annotations

import pytest
from endings import ends
from lora_counts import LLAMA, figures
from small_models import cost, model, names

from lora_cli.analysis.count.remarks import warnings_of
from lora_cli.errors import InvalidInput


def test_modules_to_save_are_trained_whole() -> None:
    """Each as a copy beside the original."""
    plain = cost(target_modules=("q_proj",))
    found = cost(target_modules=("q_proj",), modules_to_save=("lm_head", "embed_tokens"))
    assert found.targets.full_copies.names == ("model.embed_tokens", "lm_head")
    assert found.trainable_params - plain.trainable_params == found.all_params - plain.all_params == 2 * 6400


def test_what_is_saved_is_not_adapted() -> None:
    """Saving wins over adapting, and a list of layers cannot be copied."""
    assert "lm_head" not in names(target_modules=("q_proj", "lm_head"), modules_to_save=("lm_head",))
    with pytest.raises(InvalidInput, match="targeted by"):
        names(target_modules=("q_proj",), modules_to_save=("q_proj",))
    with pytest.raises(InvalidInput, match="list of layers"):
        names(target_modules=("lm_head",), modules_to_save=("layers",))


def test_a_copy_of_a_module_that_holds_nothing_costs_nothing() -> None:
    """PEFT makes it, and it counts as matched."""
    plain = cost(target_modules=("q_proj",))
    found = cost(target_modules=("q_proj",), modules_to_save=("rotary_emb",))
    assert found.targets.full_copies.names == ("model.rotary_emb",)
    assert not found.targets.unmatched
    assert (found.trainable_params, found.all_params) == (plain.trainable_params, plain.all_params)


def test_what_a_task_copies_twice_is_refused() -> None:
    """For a task with a head PEFT looks for full copies a second time, and copies anew what lies inside a copy."""
    bert = model("bert", architectures=["BertForSequenceClassification"])
    nested = {"target_modules": ("query",), "modules_to_save": ("embeddings",)}
    assert len(cost(bert, **nested).targets.full_copies.names) == 4
    with pytest.raises(
        InvalidInput, match=r"'.*word_embeddings' .* inside 'bert.embeddings'.*SEQ_CLS.*leave task_type"
    ):
        cost(bert, **nested, task_type="SEQ_CLS")
    rows = {"modules_to_save": ("bert.embeddings",), "trainable_token_indices": {"word_embeddings": (1,)}}
    assert cost(bert, target_modules=("query",), **rows)
    with pytest.raises(InvalidInput, match=r"lies inside .*, a full copy"):
        cost(bert, target_modules=("query",), task_type="TOKEN_CLS", **rows)
    with pytest.raises(InvalidInput, match=r"'model' reaches base_model too, .* give more of the name"):
        cost(target_modules=("lm_head",), modules_to_save=("model",), task_type="SEQ_CLS")


def test_an_ending_that_the_adapter_has_too_cannot_be_saved() -> None:
    """An adapted layer holds lora_dropout, so dropout reaches it; self.dropout does not."""
    bert = model("bert", architectures=["BertModel"])
    with pytest.raises(InvalidInput, match=r"'layer' reaches the base_layer of each adapted module too.*give more"):
        cost(target_modules=("q_proj",), modules_to_save=("layer",))
    with pytest.raises(InvalidInput, match=r"reaches lora_dropout too.*give more of the name"):
        names(bert, target_modules=("query",), modules_to_save=("dropout",))
    found = cost(bert, target_modules=("query",), modules_to_save=("self.dropout",))
    assert len(found.targets.full_copies.names) == 2


def test_a_part_of_adapted_experts_cannot_be_saved() -> None:
    """PEFT wraps what holds an adapted parameter and copies nothing in it; a longer name is another one then."""
    mixtral = model("mixtral")
    experts = ("experts.down_proj",)
    assert names(mixtral, target_modules=("q_proj",), modules_to_save=("act_fn",))
    with pytest.raises(InvalidInput, match=r"reaches '.*experts.act_fn', a part of what is adapted too"):
        names(mixtral, target_modules=("q_proj",), target_parameters=experts, modules_to_save=("act_fn",))
    found = cost(
        mixtral, target_modules=("q_proj",), target_parameters=experts, modules_to_save=("experts.act_fn", "lm_head")
    )
    assert found.targets.full_copies.names == ("lm_head",)
    assert found.targets.unmatched == ("modules_to_save 'experts.act_fn'",)


def test_a_sequence_of_modules_can_be_saved() -> None:
    """ViT's decoder of pixels has numbered parts as well, but it is no list: it is called as a whole."""
    masked = model("vit", architectures=["ViTForMaskedImageModeling"])
    assert cost(masked, target_modules=("q_proj",), modules_to_save=("decoder",)).targets.full_copies.names == (
        "decoder",
    )


def test_an_empty_list_cannot_be_saved() -> None:
    """It is a list of layers even where it has none."""
    with pytest.raises(InvalidInput, match="list of layers"):
        names(model(num_hidden_layers=0), target_modules=("lm_head",), modules_to_save=("layers",))


def test_copies_of_every_layers_norms_are_counted_at_once() -> None:
    """However many there are: 20,000 copies among 90,003 parameters, and which of them are most of what trains."""
    subject = model(num_hidden_layers=10_000)
    found = cost(subject, target_modules=("0.self_attn.q_proj",), modules_to_save=("layernorm", "lm_head"))
    with ends():
        assert found.full_copy_params == 2 * 10_000 * 64 + 64 * 100
        (warning,) = warnings_of(found)
    assert "are 99.9 % of what is trained" in warning


@pytest.mark.parametrize(
    ("saved", "trained", "everything"),
    [
        (["mlp", "up_proj"], 99_616, 309_600),
        (["0"], 42_400, 219_616),
        (["0", "up_proj"], 66_976, 244_192),
        (["0", "mlp"], 116_128, 317_920),
        (["layers.0", "layers.0.mlp", "layers.0.self_attn.q_proj"], 42_400, 244_192),
        (["layers.0", "layers.0.self_attn", "layers.0.mlp.up_proj"], 58_784, 236_000),
    ],
)
def test_a_saved_module_inside_another_is_copied_within_its_copy(
    saved: list[str], trained: int, everything: int
) -> None:
    """One of the two is idle; a grandchild is none of its own, and sets the whole copy training again."""
    assert figures(LLAMA, target_modules=["lm_head"], modules_to_save=saved) == (trained, everything, 1)


def test_adapters_inside_a_copied_module_are_copied_with_it() -> None:
    """`attn` ends self_attn, and keeps no adapter off it: the original's four are idle then."""
    assert figures(LLAMA, modules_to_save=["attn"]) == (69_632, 250_944, 4)
