"""Mixtures of experts: the totals that transformers 5.23 builds, and the forms that their config.json files have."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.facts import read_facts
from lora_cli.models.model import Model, read_config

# Of the first class of each, on the meta device.
TOTALS = {
    "afmoe": 19_232_600_000,
    "dbrx": 2_459_207_680,
    "deepseek_v2": 38_612_307_968,
    "deepseek_v32": 671_877_929_216,
    "deepseek_v4": 284_325_869_015,
    "ernie4_5_moe": 21_825_437_888,
    "glm4_moe": 103_481_200_640,
    "glm4_moe_lite": 29_943_390_976,
    "glm_moe_dsa": 743_911_199_232,
    "granitemoe": 37_039_116_288,
    "granitemoeshared": 37_039_116_288,
    "hy_v3": 295_033_528_320,
    "longcat_flash": 741_053_585_408,
    "minimax": 47_373_946_880,
    "minimax_m2": 228_689_748_992,
    "mistral4": 118_972_826_624,
    "olmoe": 13_361_612_800,
    "phimoe": 41_872_793_600,
    "qwen3_omni_moe_text": 17_194_145_784,
}
# What has no default in transformers.
GIVEN: dict[str, tuple[dict[str, Any], int]] = {
    "dots1": ({"n_routed_experts": 128, "n_shared_experts": 2}, 163_585_920_960),
    "hunyuan_v1_moe": ({"head_dim": 128, "num_experts": 64}, 285_893_464_064),
}


def read(model_type: str, **fields: Any) -> Model:
    """Return the model of these fields."""
    return read_config(Config({"model_type": model_type, **fields}), "test")


def count_of(model: Model, ending: str) -> int:
    """Return how many of a model's modules and parameters have a name with that ending."""
    names = {name for name in model.module_names if name.endswith(ending)}
    return len(names | {p.name for p in model.all_parameters() if p.name.endswith(ending)})


@pytest.mark.parametrize(("model_type", "total"), TOTALS.items())
def test_the_defaults_have_the_parameters_that_transformers_builds(model_type: str, total: int) -> None:
    """To the parameter."""
    assert read(model_type).full_params == total


@pytest.mark.parametrize("model_type", GIVEN)
def test_what_has_no_default_must_be_there(model_type: str) -> None:
    """There is no model without it."""
    fields, total = GIVEN[model_type]
    assert read(model_type, **fields).full_params == total
    with pytest.raises(InvalidInput, match="is missing"):
        read(model_type)


@pytest.mark.parametrize(
    ("model_type", "alias", "field"),
    [
        ("deepseek_v2", "num_experts", "n_routed_experts"),
        ("deepseek_v3", "num_local_experts", "n_routed_experts"),
        ("deepseek_v32", "num_experts", "n_routed_experts"),
        ("glm_moe_dsa", "num_experts", "n_routed_experts"),
        ("ernie4_5_moe", "num_experts", "moe_num_experts"),
        ("minimax_m2", "num_experts", "num_local_experts"),
        ("olmoe", "num_local_experts", "num_experts"),
        ("longcat_flash", "moe_intermediate_size", "expert_ffn_hidden_size"),
        ("deepseek_v4", "intermediate_size", "moe_intermediate_size"),
        ("glm4_moe_lite", "head_dim", "qk_rope_head_dim"),
        ("dbrx", "hidden_size", "d_model"),
    ],
)
def test_another_name_of_a_field_wins(model_type: str, alias: str, field: str) -> None:
    """It is set after the field that it stands for."""
    assert read(model_type, **{alias: 32, field: 64}).full_params == read(model_type, **{field: 32}).full_params


@pytest.mark.parametrize("model_type", ["deepseek_v2", "deepseek_v3", "mistral4", "glm4_moe_lite"])
def test_without_a_rank_queries_are_projected_whole(model_type: str) -> None:
    """A null says so; a missing field has its default."""
    model = read(model_type, num_hidden_layers=2, q_lora_rank=None)
    assert (count_of(model, "self_attn.q_proj"), count_of(model, "self_attn.q_a_proj")) == (2, 0)
    assert count_of(read(model_type, num_hidden_layers=2), "self_attn.q_a_proj") == 2


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({}, 4),
        ({"index_topk_freq": 2}, 3),
        ({"index_topk_freq": 4, "index_skip_topk_offset": 1}, 1),
        ({"index_topk_pattern": "FSSF"}, 2),
        ({"index_topk_pattern": ["full", "shared", "shared", "shared"]}, 1),
        ({"index_topk_pattern": "SSSS", "indexer_types": ["full"] * 4}, 4),
    ],
    ids=str,
)
def test_layers_of_glm_5_share_indexers(fields: dict[str, Any], own: int) -> None:
    """By a list, a pattern, or every so many layers."""
    model = read("glm_moe_dsa", num_hidden_layers=4, **fields)
    assert count_of(model, "self_attn.indexer") == own


def test_the_older_form_of_deepseek_v4_is_read() -> None:
    """Its files have ratios, also those of layers for prediction, which the model leaves out."""
    fields = {"num_hidden_layers": 3, "num_hash_layers": 1, "compress_rate_csa": 8}
    older = read("deepseek_v4", compress_ratios=[0, 4, 128, 4], **fields)
    types = ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"]
    newer = read("deepseek_v4", layer_types=types, mlp_layer_types=["hash_moe", "moe", "moe"], **fields)
    assert older.nodes == newer.nodes
    assert count_of(older, "self_attn.compressor") == 2
    shape = {
        p.shape[0] for p in older.all_parameters() if p.name.endswith("layers.1.self_attn.compressor.position_bias")
    }
    assert shape == {8}


def test_a_mixture_without_shared_experts() -> None:
    """ERNIE has no module for them then, Granite neither, and Hunyuan 3 one as wide as its dense layers."""
    assert count_of(read("ernie4_5_moe", moe_num_shared_experts=0), "shared_experts") == 0
    assert count_of(read("granitemoeshared"), "shared_mlp") == 0
    assert count_of(read("granitemoeshared", shared_intermediate_size=8), "shared_mlp") == 32
    gates = (m.h for m in read("hy_v3", num_shared_experts=0).modules if m.name.endswith("shared_experts.gate_proj"))
    assert set(gates) == {13312}


def test_layers_with_experts_end_where_ernie_says() -> None:
    """-1 is the last one."""
    sizes = {"num_hidden_layers": 6, "moe_layer_start_index": 1, "moe_layer_interval": 2}
    assert count_of(read("ernie4_5_moe", **sizes), ".experts.down_proj") == 3
    assert count_of(read("ernie4_5_moe", moe_layer_end_index=4, **sizes), ".experts.down_proj") == 2


@pytest.mark.parametrize(
    ("model_type", "fields", "words"),
    [
        ("hy_v3", {"mlp_layer_types": ["dense"]}, "mlp_layer_types has length 1; .* each of the 80 layers"),
        ("minimax", {"layer_types": [1]}, "layer_types is .*a list of strings"),
        (
            "deepseek_v4",
            {"num_hidden_layers": 1, "layer_types": ["sliding"]},
            "'sliding', which .* did you mean sliding_atten",
        ),
        ("deepseek_v4", {"compress_ratios": [0, 3]}, "compress_ratios is .*a list of 0, 4, 128"),
        ("glm_moe_dsa", {"index_topk_pattern": "FX"}, "index_topk_pattern is .*the letters F and S"),
        ("glm_moe_dsa", {"index_topk_pattern": 3}, "index_topk_pattern is 3; it must be a list"),
        ("deepseek_v2", {"hidden_size": 64, "num_attention_heads": 5}, "64 is not divisible by num_attention_heads 5"),
        ("dbrx", {"tie_word_embeddings": True}, "tie_word_embeddings is true"),
        ("dbrx", {"ffn_config": 3}, "ffn_config is 3; it must be an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_transformers_refuses_is_refused(model_type: str, fields: dict[str, Any], words: str) -> None:
    """The sentence names the field."""
    with pytest.raises(InvalidInput, match=words):
        read(model_type, **fields)


def test_sizes_of_prompts_follow_from_other_fields() -> None:
    """LongCat counts each of its blocks as two layers, and a head of Mistral 4 is both parts of its key."""
    assert read_facts(Config({"model_type": "longcat_flash", "num_hidden_layers": 7})).layers == 6
    fields = {"model_type": "mistral4", "qk_nope_head_dim": 3, "num_key_value_heads": 4}
    assert read_facts(Config(fields))[3:5] == (4, 67)


def test_routers_in_float32_keep_their_type() -> None:
    """ERNIE's and Hunyuan's are made so, whatever the type of the model."""
    model = read("ernie4_5_moe", dtype="bfloat16", num_hidden_layers=2)
    assert {p.dtype for p in model.others if ".gate." in p.name} == {"F32"}
    model = read("hunyuan_v1_moe", dtype="bfloat16", num_hidden_layers=1, head_dim=4)
    assert [m.dtype for m in model.modules if m.name.endswith("gate.wg")] == ["F32"]
