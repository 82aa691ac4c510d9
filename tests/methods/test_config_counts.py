"""Fields of AdapterConfig that change a count or refuse one: figures that PEFT 0.21.2 gave for the same configs."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
TIED = LLAMA | {"tie_word_embeddings": True}
GPT2 = {"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 100, "n_positions": 32}
FULL, FULL_TIED = 177_216, 170_816
PLAIN = 4096


def cost(model: dict[str, Any], **fields: Any) -> ModelCount:
    """Return the count of an adapter_config.json on a model, on q_proj unless other targets are given."""
    config, unknown = read_adapter_config(Config({"target_modules": ["q_proj"]} | fields, "adapter_config.json"))
    assert unknown == []
    return count_model(read_config(Config(model), "small"), config)


def figures(model: dict[str, Any], **fields: Any) -> tuple[int, int, int]:
    """Return PEFT's two figures and the number of adapted modules."""
    found = cost(model, **fields)
    return found.trainable_params, found.all_params, found.adapted_modules


def refusal(model: dict[str, Any], **fields: Any) -> str:
    """Return the sentence that refuses these fields."""
    with pytest.raises(InvalidInput) as caught:
        cost(model, **fields)
    sentence = str(caught.value)
    assert sentence.isascii()
    assert sentence.isprintable()
    assert len(sentence) < 400
    return sentence


@pytest.mark.parametrize(
    ("saved", "ensured", "trained"),
    [
        (["embed_tokens"], False, PLAIN + 6400),
        (["embed_tokens", "lm_head"], False, PLAIN + 2 * 6400),
        (["embed_tokens", "lm_head"], True, PLAIN + 6400),
        (["lm_head"], True, PLAIN + 6400),
    ],
)
def test_tied_modules_share_one_copy_where_that_is_ensured(saved: list[str], ensured: bool, trained: int) -> None:
    """Whichever of them is named; otherwise each has its own."""
    found = figures(TIED, modules_to_save=saved, ensure_weight_tying=ensured)
    assert found == (trained, FULL_TIED + trained, 4)


@pytest.mark.parametrize(
    ("fields", "trained", "adapted"),
    [
        ({"target_modules": ["q_proj", "lm_head"], "ensure_weight_tying": False}, 5408, 5),
        ({"target_modules": ["q_proj", "lm_head"]}, 6720, 6),
        ({"target_modules": ["q_proj", "embed_tokens"], "exclude_modules": ["lm_head"]}, 6720, 6),
        ({"target_modules": ".*(q_proj|lm_head)"}, 6720, 6),
        ({"target_modules": ["q_proj", "lm_head"], "rank_pattern": {"lm_head": 2, "embed_tokens": 4}}, 5408, 6),
        ({"target_modules": ["q_proj"]}, PLAIN, 4),
    ],
)
def test_tied_modules_are_adapted_as_the_embeddings_are(fields: dict[str, Any], trained: int, adapted: int) -> None:
    """At their rank; PEFT counts both adapters, though the one starts as the other transposed."""
    assert figures(TIED, **{"ensure_weight_tying": True} | fields) == (trained, FULL_TIED + trained, adapted)


def test_a_start_of_its_own_keeps_the_rank_of_a_tied_module() -> None:
    """PiSSA fills A and B anew, with the two ranks of the pattern: 4 and 2 where they were 4 and 4."""
    fields = {"target_modules": ["q_proj", "lm_head"], "rank_pattern": {"lm_head": 2, "embed_tokens": 4}}
    start = {"init_lora_weights": "pissa", "ensure_weight_tying": True}
    assert figures(TIED, **fields, **start)[0] == PLAIN + (4 + 2) * (100 + 64)


def test_without_tied_modules_there_is_nothing_to_ensure() -> None:
    """The head is adapted alone."""
    found = figures(LLAMA, target_modules=["q_proj", "lm_head"], ensure_weight_tying=True)
    assert found == (5408, FULL + 5408, 5)


def test_embeddings_that_are_excluded_cannot_lead_their_ties() -> None:
    """PEFT finds no adapter to follow."""
    fields = {"target_modules": ["q_proj", "lm_head"], "exclude_modules": ["embed_tokens"]}
    assert "ensure_weight_tying" in refusal(TIED, ensure_weight_tying=True, **fields)


@pytest.mark.parametrize(
    ("tokens", "rows", "rows_untied"),
    [
        ([0, 1, 5], 3, 3),
        ([], 0, 0),
        ({"embed_tokens": [0, 1, 5], "lm_head": [0, 1, 5]}, 3, 6),
        ({"embed_tokens": [0, 1, 5], "lm_head": [0, 1]}, 5, 5),
        ({"lm_head": [0, 1]}, 2, 2),
        ({"embed_tokens": [7], "model.embed_tokens": [1, 2]}, 1, 1),
    ],
)
def test_rows_of_tied_modules_are_trained_once(tokens: object, rows: int, rows_untied: int) -> None:
    """Where they are the same rows; a module that is named twice keeps the first."""
    assert figures(TIED, trainable_token_indices=tokens)[0] == PLAIN + 64 * rows
    assert figures(LLAMA, trainable_token_indices=tokens)[0] == PLAIN + 64 * rows_untied


def test_other_rows_for_tied_modules_cannot_be_ensured() -> None:
    """PEFT names both."""
    tokens = {"embed_tokens": [0, 1, 5], "lm_head": [0, 1]}
    assert "'embed_tokens' and 'lm_head'" in refusal(TIED, trainable_token_indices=tokens, ensure_weight_tying=True)


def test_rows_cannot_follow_into_a_copied_module() -> None:
    """RoBERTa's decoder is tied with the embeddings, and PEFT looks for it in vain inside the copied head."""
    roberta = {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"], "tie_word_embeddings": True}
    fields = {"target_modules": ["key"], "modules_to_save": ["lm_head"]}
    assert "'lm_head.decoder', which is inside" in refusal(roberta, trainable_token_indices=[1], **fields)


def test_rows_inside_a_copied_module_are_trained_in_each_copy() -> None:
    """Once in BERT's own embedding, twice by a name that the original's has too."""
    bert = {"model_type": "bert", "architectures": ["BertForTokenClassification"], "hidden_size": 64, "vocab_size": 100}
    bert |= {"num_attention_heads": 4, "num_hidden_layers": 1}
    fields = {"target_modules": ["query"], "modules_to_save": ["bert.embeddings"]}
    plain = cost(bert, **fields).trainable_params
    assert cost(bert, trainable_token_indices=[0, 1], **fields).trainable_params == plain + 2 * 64
    assert cost(bert, trainable_token_indices={"word_embeddings": [0, 1]}, **fields).trainable_params == plain + 4 * 64


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


@pytest.mark.parametrize(
    ("model", "fields", "trained", "everything"),
    [
        (LLAMA, {"init_lora_weights": "mica"}, 2048, 181_312),
        (LLAMA, {"init_lora_weights": "MICA"}, 4096, 181_312),
        (LLAMA, {"init_lora_weights": "mica", "target_modules": ["embed_tokens"]}, 800, 178_528),
        (LLAMA, {"init_lora_weights": "pissa", "r": 80}, 32_768, 209_984),
        (LLAMA, {"init_lora_weights": "pissa_niter_4", "r": 80}, 32_768, 209_984),
        (LLAMA, {"init_lora_weights": "OLoRA", "r": 80}, 32_768, 209_984),
        (GPT2, {"init_lora_weights": "olora", "r": 80, "target_modules": ["c_attn"]}, 32_768, 141_312),
        (GPT2, {"init_lora_weights": "pissa", "r": 80, "target_modules": ["c_attn"]}, 32_768, 141_312),
    ],
)
def test_a_start_from_the_weight_can_change_the_count(
    model: dict[str, Any], fields: dict[str, Any], trained: int, everything: int
) -> None:
    """MiCA freezes B; a decomposition has no more rows than the weight."""
    assert figures(model, **fields)[:2] == (trained, everything)


@pytest.mark.parametrize(
    "fields",
    [
        *({"init_lora_weights": start} for start in (True, False, None, "", "gaussian", "Gaussian", "orthogonal")),
        *({"init_lora_weights": start} for start in ("pissa", "pissa_niter_16", "olora", "corda", "eva", "lora_ga")),
        {"init_lora_weights": "loftq", "loftq_config": {"loftq_bits": 4, "loftq_iter": 1}},
        {"loftq_config": {"loftq_bits": 3}},
        {"velora_config": {}},
        {"velora_config": {"num_groups": 4, "scale": 0.5, "init_type": "random"}},
        {"eva_config": {"rho": 1.0, "tau": 1}, "corda_config": {}, "lora_ga_config": {"direction": "ArBr"}},
        {"alora_invocation_tokens": [5, 6]},
        {"lora_alpha": 0.5, "alpha_pattern": {"q_proj": -3}, "use_rslora": True},
        {"bias": "vera_only"},
        {"task_type": "FEATURE_EXTRACTION"},
    ],
    ids=repr,
)
def test_what_changes_no_count(fields: dict[str, Any]) -> None:
    """Rank 8 on four q_proj, as ever."""
    assert figures(LLAMA, **fields) == (PLAIN, FULL + PLAIN, 4)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"init_lora_weights": "no"}, "init_lora_weights 'no'"),
        ({"init_lora_weights": "pissa_niter_x"}, "init_lora_weights 'pissa_niter_x'"),
        ({"init_lora_weights": "pissa_niter_1_niter_2"}, "init_lora_weights"),
        ({"init_lora_weights": "EVA"}, "init_lora_weights"),
        ({"init_lora_weights": 1}, "init_lora_weights is 1"),
        ({"init_lora_weights": ["eva"]}, "init_lora_weights"),
        ({"init_lora_weights": "mica", "r": 80}, "at most 64"),
        ({"init_lora_weights": "orthogonal", "r": 3}, "even rank"),
        ({"init_lora_weights": "loftq"}, "needs a loftq_config"),
        ({"init_lora_weights": "loftq", "loftq_config": {"loftq_bits": 3, "loftq_iter": 1}}, "loftq_bits is 3"),
        ({"init_lora_weights": "loftq", "loftq_config": {"loftq_bits": 4}}, "loftq_iter is None"),
        ({"init_lora_weights": "loftq", "loftq_config": 16}, "loftq_config is 16"),
        ({"init_lora_weights": "mica", "use_dora": True}, "use_dora does not go with mica"),
        ({"velora_config": {}, "use_dora": True}, "use_dora does not go with velora_config"),
        ({"velora_config": {}, "target_modules": ["embed_tokens"]}, "velora_config does not go with"),
        ({"alora_invocation_tokens": [1], "target_modules": ["embed_tokens"]}, "alora_invocation_tokens does not"),
        ({"init_lora_weights": "mica", "target_modules": [], "target_parameters": ["q_proj.weight"]}, "mica does not"),
        ({"init_lora_weights": "gaussian", "lora_bias": True}, "lora_bias does not go with init_lora_weights"),
        ({"eva_config": {"rho": 0.5}}, "rho is 0.5"),
        ({"eva_config": {"tau": 2}}, "tau is 2"),
        ({"velora_config": {"num_groups": 0}}, "num_groups is 0"),
        ({"velora_config": {"scale": 0}}, "scale is 0"),
        ({"velora_config": {"init_type": "zeros"}}, "init_type is 'zeros'"),
        *(({name: 16}, name) for name in ("eva_config", "corda_config", "lora_ga_config", "velora_config")),
        ({"arrow_config": {}}, "arrow_config"),
        ({"use_bdlora": {}}, "matches neither"),
        ({"use_bdlora": {"target_modules_bd_a": ["q"], "target_modules_bd_b": ["q"]}}, "'q' is in"),
        ({"use_bdlora": {"target_modules_bd_a": ["q_proj"], "nblocks": 3}}, "nblocks 3 does not divide the rank 8"),
        ({"kasa_config": {"beta": -1}}, "beta is -1"),
        ({"kasa_config": {}, "r": 64}, "a rank of at most 63"),
        ({"kasa_config": {}, "use_dora": True}, "use_dora does not go with kasa_config"),
        ({"monteclora_config": {"num_samples": 0}}, "num_samples is 0"),
        ({"monteclora_config": {"dirichlet_prior": 0}}, "dirichlet_prior is 0"),
        *(({"lora_alpha": alpha}, "lora_alpha") for alpha in ("8", None, [8], float("nan"))),
        *(({"alpha_pattern": pattern}, "q_proj") for pattern in ({"q_proj": "x"}, {"q_proj": None})),
        *(({name: None}, f"{name} is null") for name in ("r", "lora_dropout", "bias", "rank_pattern", "alpha_pattern")),
        ({"use_rslora": "yes"}, "use_rslora"),
        ({"ensure_weight_tying": 1}, "ensure_weight_tying"),
        ({"task_type": "causal_lm"}, "CAUSAL_LM"),
        ({"task_type": ""}, "task_type"),
        ({"target_modules": ".*q_proj", "layers_pattern": []}, "layers_pattern goes with a list"),
    ],
    ids=repr,
)
def test_what_peft_refuses_is_refused_by_name(fields: dict[str, Any], reason: str) -> None:
    """In one short line."""
    assert reason in refusal(LLAMA, **fields)


def test_an_unknown_start_is_no_matter_to_an_embedding() -> None:
    """PEFT asks for its name only where there is an A to fill."""
    found = figures(LLAMA, target_modules=["embed_tokens"], init_lora_weights="no")
    assert found == (1312, FULL + 1312, 1)


def test_a_config_of_an_older_release_is_read() -> None:
    """PEFT 0.3 wrote fewer fields, and one that is gone."""
    old = {
        "auto_mapping": None,
        "base_model_name_or_path": "huggyllama/llama-7b",
        "bias": "none",
        "enable_lora": None,
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layers_pattern": None,
        "layers_to_transform": None,
        "lora_alpha": 16,
        "lora_dropout": 0.05,
        "merge_weights": False,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": 8,
        "revision": None,
        "target_modules": ["q_proj"],
        "task_type": "CAUSAL_LM",
    }
    config, unknown = read_adapter_config(Config(old, "adapter_config.json"))
    assert unknown == ["enable_lora", "merge_weights"]
    assert count_model(read_config(Config(LLAMA), "small"), config).trainable_params == PLAIN
