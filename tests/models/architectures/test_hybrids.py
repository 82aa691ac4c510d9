"""Models with a state or a short convolution in place of attention: totals, the layers of each kind, and refusals."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from small_models import names

from lora_cli import count
from lora_cli.analysis.count.model_count import count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.facts import read_facts
from lora_cli.models.model import Model, read_config
from lora_cli.models.registry import family

# What transformers 5.23.0 builds from a config without fields, tied weights once.
TOTALS = {
    "bamba": 9_992_765_440,
    "falcon_h1": 8_514_961_408,
    "granitemoehybrid": 38_601_064_448,
    "jamba": 51_570_323_328,
    "lfm2": 2_705_497_600,
    "mamba": 159_308_544,
    "mamba2": 7_285_403_648,
    "nemotron_h": 1_968_355_712,
    "qwen3_5_moe_text": 34_660_610_688,
    "qwen3_5_text": 8_953_803_264,
    "qwen3_next": 79_674_391_296,
    "recurrent_gemma": 2_010_263_040,
    "rwkv": 7_392_649_216,
    "zamba2": 2_481_848_336,
}


def read(model_type: str, **fields: Any) -> Model:
    """Return the model of these fields."""
    return read_config(Config({"model_type": model_type, **fields}), "test")


def layers_with(model: Model, part: str) -> list[int]:
    """Return the numbers of the layers that have a part."""
    inside = [name.split(".") for name in model.module_names if name.endswith(f".{part}")]
    return [int(next(word for word in words if word.isdigit())) for words in inside]


@pytest.mark.parametrize("model_type", TOTALS)
def test_the_defaults_have_transformers_total(model_type: str) -> None:
    """Of the class for generation."""
    assert read(model_type).full_params == TOTALS[model_type]


def test_qwen3_next_has_pefts_figure() -> None:
    """Rank 8 on all linear layers, with the fused gate and up of 512 experts at rank 16."""
    found = count(model=read("qwen3_next"), target="all-linear", r=8)
    assert found.trainable_params == 1_721_616_768


@pytest.mark.parametrize(
    ("model_type", "fields", "attending"),
    [
        ("qwen3_next", {"num_hidden_layers": 8}, [3, 7]),
        ("qwen3_5_text", {"num_hidden_layers": 4, "full_attention_interval": 2}, [1, 3]),
        ("qwen3_5_text", {"num_hidden_layers": 2, "layer_types": ["full_attention", "linear_attention"]}, [0]),
        ("granitemoehybrid", {"num_hidden_layers": 2, "layer_types": ["mamba", "attention"]}, [1]),
        ("granitemoehybrid", {"num_hidden_layers": 2, "layers_block_type": ["attention", "mamba"]}, [0]),
        ("granitemoehybrid", {"num_hidden_layers": 2}, []),
        ("bamba", {"num_hidden_layers": 4, "attn_layer_indices": [1, 3]}, [1, 3]),
        ("falcon_h1", {"num_hidden_layers": 2}, [0, 1]),
        ("jamba", {"num_hidden_layers": 16}, [4, 12]),
        ("lfm2", {"num_hidden_layers": 3, "full_attn_idxs": [2]}, [2]),
        ("lfm2", {"num_hidden_layers": 2}, [0, 1]),
        ("lfm2_moe", {"num_hidden_layers": 3, "layer_types": ["conv", "full_attention", "conv"]}, [1]),
        ("recurrent_gemma", {"num_hidden_layers": 7}, [2, 5]),
        ("nemotron_h", {"hybrid_override_pattern": "M-M*", "num_hidden_layers": 52}, [3]),
        ("nemotron_h", {"layers_block_type": ["attention", "moe"], "hybrid_override_pattern": "MMM"}, [0]),
        ("zamba2", {"num_hidden_layers": 2, "layers_block_type": ["hybrid", "mamba"]}, [0]),
        ("zamba2", {}, [6, 12, 18, 24, 30, 36, 42, 47, 51]),
    ],
)
def test_the_layers_with_attention(model_type: str, fields: dict[str, Any], attending: list[int]) -> None:
    """From a list of kinds, older names included, from indices, from a pattern, or by default."""
    assert layers_with(read(model_type, **fields), "q_proj") == attending


@pytest.mark.parametrize(
    ("model_type", "fields", "said"),
    [
        (
            "qwen3_next",
            {"layer_types": ["linear_attention"]},
            "layer_types has length 1; it must have an entry for each of the 48 layers",
        ),
        ("qwen3_5_text", {"num_hidden_layers": 1, "layer_types": ["full_atention"]}, "did you mean full_attention"),
        ("gemma4_text", {"num_hidden_layers": 2, "layer_types": ["sliding_attention"]}, "each of the 2 layers"),
        ("gemma4_text", {"num_hidden_layers": 1, "layer_types": ["chunked_attention"]}, "did you mean full_attention"),
        ("qwen3_5_text", {"num_hidden_layers": 1, "layer_types": [[]]}, r"layer_types has \[\], which this model"),
        ("lfm2_moe", {}, "layer_types is None; it must be a list with the kind of each layer"),
        ("lfm2", {"full_attn_idxs": ["1"]}, "full_attn_idxs .* must be a list of whole numbers"),
        ("lfm2", {"block_ffn_dim_multiplier": -1}, "block_ffn_dim_multiplier is -1"),
        ("bamba", {"mamba_n_heads": 7}, "the width of Mamba 8192 is not divisible by mamba_n_heads 7"),
        ("falcon_h1", {"mamba_d_head": [8]}, r"mamba_d_head is \[8\]; it must be a whole number"),
        ("jamba", {"mamba_dt_rank": {}}, "mamba_dt_rank is {}"),
        ("falcon_h1", {"mamba_d_head": 9}, "mamba_d_head is 9; 128 heads that share 1024 are 8 wide"),
        ("mamba2", {"num_heads": 2}, "num_heads 2 times head_dim 64 is 128; it must be 8192"),
        ("mamba", {"time_step_rank": "much"}, "time_step_rank is 'much'"),
        ("jamba", {"attn_layer_offset": 8}, "attn_layer_offset is 8; it must be smaller than attn_layer_period 8"),
        ("nemotron_h", {"hybrid_override_pattern": "MX"}, "must be a text of the letters M E"),
        ("nemotron_h", {"hybrid_override_pattern": "M" * 10_001}, "at most 10000 letters"),
        ("recurrent_gemma", {"num_key_value_heads": 11}, "must be at most num_attention_heads 10"),
        ("recurrent_gemma", {"block_types": []}, "block_types is"),
        ("recurrent_gemma", {"block_types": ["attention", {}]}, "block_types is"),
        ("zamba2", {"num_hidden_layers": 3}, "layers_block_type is missing, which is needed for 3 layers"),
        (
            "zamba2",
            {"num_hidden_layers": 201, "layers_block_type": ["hybrid"] * 201},
            "201 hybrid layers; at most 200 are counted",
        ),
    ],
)
def test_what_no_model_can_be_built_of_is_refused(model_type: str, fields: dict[str, Any], said: str) -> None:
    """In a sentence with the field and its value."""
    with pytest.raises(InvalidInput, match=said):
        read(model_type, **fields)


def test_the_older_names_of_lfm2_win() -> None:
    """`tie_embedding` and `block_ff_dim`; without adjusting, the hidden units are as written."""
    fields = {"num_hidden_layers": 1, "intermediate_size": 8, "block_ff_dim": 96, "block_auto_adjust_ff_dim": False}
    model = read("lfm2", tie_embedding=False, tie_word_embeddings=True, **fields)
    assert model.tied == {}
    assert {module.h for module in model.modules if module.name.endswith("w1")} == {96}
    adjusted = read("lfm2", num_hidden_layers=1, block_ff_dim=96, block_multiple_of=60)
    assert {module.h for module in adjusted.modules if module.name.endswith("w1")} == {120}


def test_zamba2_shares_blocks_and_not_their_adapters() -> None:
    """The third use takes the first block again; each block has adapters for the turns that are its own."""
    kinds = ["mamba", "hybrid", "hybrid", "hybrid"]
    model = read("zamba2", num_hidden_layers=4, layers_block_type=kinds, num_mem_blocks=2)
    again = {name: source for name, source in model.tied.items() if name != "lm_head.weight"}
    assert all(name.startswith("model.layers.3.shared_transformer.") for name in again)
    assert all(source == name.replace("layers.3", "layers.1") for name, source in again.items())
    low_rank = Counter(m.name.split(".")[2] for m in model.modules if "adapter_list" in m.name)
    assert low_rank == {"1": 4, "2": 2, "3": 4}
    untied = read("zamba2", num_hidden_layers=4, layers_block_type=kinds, tie_word_embeddings=False)
    assert untied.tied == {}


def test_the_layers_of_a_pattern_are_those_that_prompts_are_made_for() -> None:
    """num_hidden_layers of the same file is not looked at."""
    config = Config({"model_type": "nemotron_h", "hybrid_override_pattern": "M-*", "num_hidden_layers": 52})
    assert read_facts(config).layers == 3


@pytest.mark.parametrize("model_type", ["falcon_h1", "mamba", "mamba2", "nemotron_h"])
@pytest.mark.parametrize(
    "targets",
    [{"target_modules": ("in_proj", "out_proj")}, {"target_modules": (), "target_parameters": ("conv1d.weight",)}],
    ids=["module", "parameter"],
)
def test_mambas_own_parts_are_refused_where_peft_knows_the_type(model_type: str, targets: dict[str, Any]) -> None:
    """As targets and as the owners of a target parameter."""
    with pytest.raises(
        InvalidInput, match=r"whose weight Mamba uses without.*by exclude_modules=\[\"out_proj\", \"conv1d\"\]$"
    ):
        names(read(model_type), **targets)


def test_all_linear_without_mambas_own_parts_is_what_the_refusal_says() -> None:
    """As in PEFT."""
    kept = names(read("falcon_h1"), target_modules="all-linear", exclude_modules=("out_proj", "conv1d"))
    assert {"mamba.in_proj", "self_attn.o_proj"} <= {".".join(name.split(".")[-2:]) for name in kept}


@pytest.mark.parametrize("model_type", ["bamba", "jamba", "granitemoehybrid", "zamba2"])
def test_mambas_own_parts_are_adapted_elsewhere(model_type: str) -> None:
    """PEFT does not know that these models have Mamba."""
    model = read(model_type)
    assert len(names(model, target_modules=("out_proj",))) == len(layers_with(model, "out_proj"))


def shadowed(model: Model, **fields: Any) -> tuple[int, int]:
    """Return what ShadowPEFT trains on a model, and all parameters."""
    adapter, _ = read_adapter_config(Config({"peft_type": "SHADOW", **fields}))
    cost = count_model(model, adapter)
    return cost.trainable_params, cost.all_params


@pytest.mark.parametrize("model_type", ["bamba", "falcon_h1", "jamba", "mamba", "mamba2", "recurrent_gemma", "zamba2"])
def test_a_shadow_needs_layers_that_can_be_cut_off(model_type: str) -> None:
    """PEFT sets their kinds in the config, which some classes derive; and what layers share is not counted."""
    model = read(
        model_type, architectures=[next(name for name in family(model_type).classes if name.endswith("Model"))]
    )
    with pytest.raises(InvalidInput, match=r"derives the kinds of its layers|whose layers share weights"):
        shadowed(model, target_modules=["layers.0"])


def test_a_shadow_of_layers_by_a_list() -> None:
    """PEFT 0.21.2: Nemotron-H keeps all layers; Qwen3.5 goes on with the kind of the last one."""
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4, "num_key_value_heads": 1}
    nemotron = read(
        "nemotron_h",
        architectures=["NemotronHModel"],
        hybrid_override_pattern="ME*-E",
        vocab_size=50,
        head_dim=8,
        use_bias=True,
        mamba_num_heads=4,
        mamba_head_dim=8,
        n_groups=4,
        conv_kernel=2,
        ssm_state_size=16,
        n_routed_experts=3,
        moe_intermediate_size=20,
        moe_shared_expert_intermediate_size=14,
        **sizes,
    )
    fields = {"r": 1, "shadow_num_hidden_layers": 1, "update_hidden_size": 3}
    assert shadowed(nemotron, target_modules=["v_proj"], **fields) == (12_422, 24_582)
    qwen = read(
        "qwen3_5_text",
        architectures=["Qwen3_5TextModel"],
        num_hidden_layers=3,
        vocab_size=77,
        linear_key_head_dim=10,
        linear_value_head_dim=5,
        linear_num_key_heads=2,
        linear_num_value_heads=2,
        **sizes,
    )
    targets = ["out_proj", "in_proj_b", "in_proj_a"]
    four = {"r": 4, "shadow_num_hidden_layers": 4, "update_hidden_size": 3}
    assert shadowed(qwen, target_modules=targets, **four) == (13_546, 22_525)
