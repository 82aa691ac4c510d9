"""Fields of AdapterConfig that change a count or refuse one: figures that PEFT 0.21.2 gave for the same configs."""

from __future__ import annotations

from typing import Any

import pytest
from lora_counts import FULL, LLAMA, PLAIN, figures, refusal
from small_models import GPT2

from lora_cli.analysis.count.model_count import count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config


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
        {"lora_alpha": None, "alpha_pattern": {"q_proj": 4}},
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
        ({"init_lora_weights": "mica", "use_dora": True}, "use_dora conflicts with mica"),
        ({"velora_config": {}, "use_dora": True}, "use_dora conflicts with velora_config"),
        ({"velora_config": {}, "target_modules": ["embed_tokens"]}, "velora_config cannot adapt"),
        ({"alora_invocation_tokens": [1], "target_modules": ["embed_tokens"]}, "alora_invocation_tokens cannot adapt"),
        (
            {"init_lora_weights": "mica", "target_modules": [], "target_parameters": ["q_proj.weight"]},
            "mica cannot adapt",
        ),
        ({"init_lora_weights": "gaussian", "lora_bias": True}, "lora_bias conflicts with init_lora_weights"),
        ({"eva_config": {"rho": 0.5}}, "rho is 0.5"),
        ({"eva_config": {"tau": 2}}, "tau is 2"),
        ({"velora_config": {"num_groups": 0}}, "num_groups is 0"),
        ({"velora_config": {"scale": 0}}, "scale is 0"),
        ({"velora_config": {"init_type": "zeros"}}, "init_type is 'zeros'"),
        *(({name: 16}, name) for name in ("eva_config", "corda_config", "lora_ga_config", "velora_config")),
        ({"arrow_config": {}}, "arrow_config"),
        ({"use_bdlora": {}}, "matches neither"),
        ({"use_bdlora": {"target_modules_bd_a": ["q"], "target_modules_bd_b": ["q"]}}, "'q' is in"),
        ({"use_bdlora": {"target_modules_bd_a": ["q_proj"], "nblocks": 3}}, "nblocks 3 does not divide rank 8"),
        ({"kasa_config": {"beta": -1}}, "beta is -1"),
        ({"kasa_config": {}, "r": 64}, "a rank of at most 63"),
        ({"kasa_config": {}, "use_dora": True}, "use_dora conflicts with kasa_config"),
        ({"monteclora_config": {"num_samples": 0}}, "num_samples is 0"),
        ({"monteclora_config": {"dirichlet_prior": 0}}, "dirichlet_prior is 0"),
        *(({"lora_alpha": alpha}, "lora_alpha") for alpha in ("8", None, [8], float("nan"))),
        ({"lora_alpha": None, "alpha_pattern": {"k_proj": 4}}, "lora_alpha is null"),
        *(({"alpha_pattern": pattern}, "q_proj") for pattern in ({"q_proj": "x"}, {"q_proj": None})),
        *(({name: None}, f"{name} is null") for name in ("r", "lora_dropout", "bias", "rank_pattern", "alpha_pattern")),
        ({"use_rslora": "yes"}, "use_rslora"),
        ({"ensure_weight_tying": 1}, "ensure_weight_tying"),
        ({"task_type": "causal_lm"}, "CAUSAL_LM"),
        ({"task_type": ""}, "task_type"),
        ({"target_modules": ".*q_proj", "layers_pattern": []}, "layers_pattern needs target_modules to be a list"),
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
