"""What runs at all, against transformers itself: `memory` answers of a config if and only if a step of it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

sys.path.append(str(Path(__file__).parents[2]))

from lora_cli import InvalidInput, memory
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from tests.memory.fake_model import load_config

SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": 100,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GROUPED = {
    "n_routed_experts": 8,
    "n_group": 2,
    "topk_group": 1,
    "moe_intermediate_size": 32,
    "first_k_dense_replace": 1,
}
LATENT = {"kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
EXPERTS: dict[str, dict[str, Any]] = {
    "mixtral": {"num_local_experts": 4},
    "qwen2_moe": {"num_experts": 4, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32},
    "qwen3_moe": {"num_experts": 4, "moe_intermediate_size": 32},
    "olmoe": {"num_experts": 4},
    "granitemoe": {"num_local_experts": 4},
    "gpt_oss": {"num_local_experts": 4},
    "minimax_m2": {"num_local_experts": 4},
    "dots1": GROUPED,
    "glm4_moe": GROUPED,
    "deepseek_v2": {**GROUPED, **LATENT, "topk_method": "group_limited_greedy"},
    "deepseek_v3": {**GROUPED, **LATENT},
    "glm4_moe_lite": {**GROUPED, **LATENT},
}
ROTATED = (
    "llama",
    "qwen3",
    "gemma2",
    "phi3",
    "olmo2",
    "cohere",
    "glm",
    "glm4",
    "phi",
    "stablelm",
    "gpt_neox",
    "mixtral",
)
ENCODER = {**SMALL, "num_labels": 2}
# The same of models with learned positions, all of which have 20.
LEARNED: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 64, "n_head": 4, "n_layer": 1, "n_positions": 20, **SMALL},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 64, "max_position_embeddings": 20, **SMALL},
    "bert": {"max_position_embeddings": 20, **ENCODER},
    "electra": {"max_position_embeddings": 20, "embedding_size": 64, **ENCODER},
    "roberta": {"max_position_embeddings": 24, **ENCODER, "pad_token_id": 3},
    "xlm-roberta": {"max_position_embeddings": 22, **ENCODER, "pad_token_id": 1},
    "camembert": {"max_position_embeddings": 22, **ENCODER, "pad_token_id": 1},
    "distilbert": {"max_position_embeddings": 20, "dim": 64, "n_heads": 4, "hidden_dim": 64, "n_layers": 1, **ENCODER},
}
CLASSES = {"gpt2": "GPT2LMHeadModel", "opt": "OPTForCausalLM"}


def _step_runs(fields: dict[str, Any], seq: int, auto: Any) -> bool:
    """Whether transformers builds the model and a forward and a backward run."""
    words = torch.randint(4, 100, (1, seq))
    try:
        model = auto.from_config(load_config(fields))
        model(input_ids=words).logits.float().sum().backward()
    except Exception:  # noqa: BLE001 (PyTorch and transformers refuse in many ways)
        return False
    return True


def _answers(fields: dict[str, Any], seq: int) -> bool:
    """Whether `memory` answers."""
    try:
        memory(read_config(Config(fields), "small"), r=2, target="all-linear", seq=seq)
    except InvalidInput:
        return False
    return True


def _routers() -> list[tuple[str, dict[str, Any]]]:
    tops = [{"num_experts_per_tok": top} for top in (1, 4, 5, 8, 9)]
    groups = [
        {"n_group": n, "topk_group": best} for n, best in ((1, 1), (2, 2), (2, 3), (3, 1), (4, 2), (8, 1), (8, 4))
    ]
    keys = [{"num_key_value_heads": count} for count in (1, 2, 3, 8)]
    return [
        (family, change)
        for family, own in EXPERTS.items()
        for change in (*tops, *(groups if "n_group" in own else ()), *(keys if "kv_lora_rank" in own else ()))
    ]


def _rotations() -> list[tuple[str, dict[str, Any]]]:
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    shares = [{"rope_parameters": {**rope, "partial_rotary_factor": share}} for share in (0.2, 0.45, 0.5, 1.0)]
    return [(family, change) for family in ROTATED for change in (*shares, {"hidden_size": 60})]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("family", "change"), _routers())
def test_routers_that_run(family: str, change: dict[str, Any]) -> None:
    """A token cannot be sent to more experts, or groups of them, than there are."""
    fields = {"model_type": family, **SMALL, "num_experts_per_tok": 2, **EXPERTS[family], **change}
    assert _answers(fields, 8) == _step_runs(fields, 8, transformers.AutoModelForCausalLM)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("family", "change"), _rotations())
def test_rotations_that_run(family: str, change: dict[str, Any]) -> None:
    """Values of a head are rotated in pairs."""
    fields = {"model_type": family, **SMALL, "head_dim": 15 if "hidden_size" in change else 16, **change}
    if family in {"phi", "stablelm", "gpt_neox"}:
        del fields["head_dim"]
    assert _answers(fields, 8) == _step_runs(fields, 8, transformers.AutoModelForCausalLM)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", LEARNED)
def test_the_longest_input_of_learned_positions(family: str) -> None:
    """The last that runs is the last that `memory` answers, and what it takes by default."""
    auto = transformers.AutoModelForCausalLM if family in CLASSES else transformers.AutoModelForTokenClassification
    fields: dict[str, Any] = {"model_type": family, **LEARNED[family]}
    name = CLASSES.get(family) or type(auto.from_config(load_config(fields))).__name__
    fields["architectures"] = [name]
    for seq in (20, 21):
        assert _step_runs(fields, seq, auto) == _answers(fields, seq) == (seq == 20)
    assert memory(read_config(Config(fields), "small"), r=2, target="all-linear").seq == 20
