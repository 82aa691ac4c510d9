"""The low-rank methods by hand and by PEFT: figures that PEFT 0.21.2 gave for the same configs.

On LLAMA each config adapts four q_proj of 64 by 64, so a figure is four times what its formula says.
"""

from __future__ import annotations

from typing import Any

import pytest
from breakdowns import assert_rows_add_up
from hypothesis import given
from hypothesis import strategies as st
from small_llama import llama
from small_models import GPT2

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.catalogue.low_rank.lokr import factors
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models import MAX_DIMENSION
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

LLAMA = llama(num_hidden_layers=4)
VIT: dict[str, Any] = {
    "model_type": "vit",
    "architectures": ["ViTModel"],
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "image_size": 8,
    "patch_size": 4,
}


def cost(model: dict[str, Any], method: str, fields: dict[str, Any]) -> ModelCount:
    """Return the count of a method's config on a model."""
    targets = {"target_modules": ["q_proj"]} if model["model_type"] == "llama" else {}
    config, unknown = read_adapter_config(Config({"peft_type": method.upper()} | targets | fields))
    assert unknown == []
    return count_model(read_config(Config(model), "small"), config)


@pytest.mark.parametrize(
    ("model", "method", "fields", "figures"),
    [
        (LLAMA, "adalora", {"total_step": 100}, (6192, 183412, 26224)),
        (
            LLAMA,
            "adalora",
            {
                "total_step": 100,
                "init_r": 4,
                "rank_pattern": {"model.layers.0.self_attn.q_proj.lora_E": [True, False, True, False]},
            },
            (2064, 179284, 8648),
        ),
        (LLAMA, "loha", {"r": 4}, (4096, 181312, 18344)),
        (LLAMA, "lokr", {"r": 2}, (384, 177600, 2976)),
        (LLAMA, "lokr", {"r": 2, "decompose_both": True}, (256, 177472, 2920)),
        (LLAMA, "lokr", {"r": 2, "decompose_factor": 4}, (320, 177536, 2720)),
        (LLAMA, "lokr", {"r": 8}, (512, 177728, 3008)),
        (LLAMA, "hira", {"r": 4}, (2048, 179264, 9160)),
        (LLAMA, "hira", {"r": 4, "rank_pattern": {"q_proj": 2}}, (2048, 179264, 9160)),
        (LLAMA, "shira", {"r": 4}, (2048, 179264, 25600)),
        (LLAMA, "shira", {"r": 4, "mask_type": "mine"}, (2048, 179264, 8720)),
        (LLAMA, "deft", {"r": 4}, (2048, 179264, 9160)),
        (LLAMA, "deft", {"r": 4, "para": True}, (1024, 178240, 4600)),
        (LLAMA, "deft", {"r": 100}, (32768, 209984, 132064)),
        (LLAMA, "gralora", {"r": 4}, (2048, 179264, 9200)),
        (LLAMA, "gralora", {"r": 4, "gralora_k": 4, "hybrid_r": 2}, (3072, 180288, 14376)),
        (LLAMA, "delora", {"r": 4}, (2052, 179268, 11184)),
        (LLAMA, "miss", {"r": 4}, (1024, 178240, 4616)),
        (LLAMA, "miss", {"r": 4, "init_weights": "bat"}, (1024, 178240, 4624)),
        (LLAMA, "miss", {"r": 4, "init_weights": "mini", "mini_r": 2}, (32, 177248, 632)),
        (LLAMA, "lily", {"r": 4}, (1568, 178784, 13952)),
        (LLAMA, "lily", {"r": 4, "stride_A": 2, "num_B": 3}, (1328, 178544, 18120)),
        (LLAMA, "lily", {"r": 4, "target_modules": "all-linear"}, (13024, 190240, 117928)),
        (LLAMA, "poly", {"r": 4}, (8208, 185424, 34424)),
        (LLAMA, "poly", {"r": 4, "n_tasks": 3, "n_skills": 2, "n_splits": 2}, (4144, 181360, 18160)),
        (
            LLAMA,
            "lora",
            {"r": 8, "use_bdlora": {"target_modules_bd_a": ["q_proj"], "nblocks": 4}},
            (2560, 179776, 11264),
        ),
        (
            LLAMA,
            "lora",
            {"r": 8, "use_bdlora": {"target_modules_bd_b": ["q_proj"], "nblocks": 4}, "lora_bias": True},
            (2560, 179776, 11264),
        ),
        (LLAMA, "lora", {"r": 8, "kasa_config": {}}, (4128, 181344, 18008)),
        (LLAMA, "lora", {"r": 8, "monteclora_config": {"num_samples": 5}}, (4148, 181364, 21088)),
        (LLAMA, "lora", {"r": 8, "use_qalora": True}, (4096, 181312, 17416)),
        (VIT, "loha", {"r": 2, "target_modules": ["projection"]}, (320, 11744, 1816)),
        (VIT, "loha", {"r": 2, "target_modules": ["projection"], "use_effective_conv2d": True}, (268, 11692, 1864)),
        (VIT, "lokr", {"r": 2, "target_modules": ["projection"]}, (116, 11540, 872)),
        (VIT, "lokr", {"r": 2, "target_modules": ["projection"], "use_effective_conv2d": True}, (90, 11514, 896)),
        (VIT, "hira", {"r": 2, "target_modules": ["projection"]}, (160, 11584, 928)),
        (VIT, "adalora", {"total_step": 9, "init_r": 2, "target_modules": ["projection"]}, (162, 11587, 1048)),
        (GPT2, "adalora", {"total_step": 9}, (6168, 114714, 25400)),
        (GPT2, "gralora", {"r": 2}, (1024, 109568, 4600)),
        (GPT2, "deft", {"r": 2}, (1024, 109568, 4584)),
        (GPT2, "hira", {"r": 2, "target_modules": ["wte", "c_attn"]}, (1352, 109896, 6120)),
    ],
    ids=repr,
)
def test_a_method_counts_as_peft_counted_it(
    model: dict[str, Any], method: str, fields: dict[str, Any], figures: tuple[int, int, int | None]
) -> None:
    """What is trained, what there is, and the bytes of the file; the last is unknown on embeddings and convolutions."""
    found = cost(model, method, fields)
    assert (found.trainable_params, found.all_params) == figures[:2]
    assert found.adapter_bytes in {figures[2], None}
    assert_rows_add_up(found)


@pytest.mark.parametrize(
    ("method", "fields", "reason"),
    [
        ("adalora", {}, "needs total_step"),
        ("adalora", {"total_step": 0}, "total_step is 0"),
        ("adalora", {"total_step": 9, "tinit": 4, "tfinal": 5}, "a total_step over 9"),
        ("adalora", {"total_step": 9, "beta1": 1}, "beta1 is 1"),
        ("adalora", {"total_step": 9, "use_dora": True}, "use_dora"),
        ("adalora", {"total_step": 9, "target_modules": ["embed_tokens"]}, "is not a Linear, Conv1D or Conv2d"),
        ("adalora", {"total_step": 9, "rank_pattern": {"no.lora_E": [True]}}, "no such module is adapted"),
        ("adalora", {"total_step": 9, "target_modules": [], "target_parameters": ["q_proj.weight"]}, "parameters"),
        ("hira", {"init_weights": "no"}, "init_weights 'no'"),
        ("shira", {"r": 33}, "give 32 or less"),
        ("deft", {"decomposition_method": "svd"}, "choose from: qr, relu"),
        ("gralora", {"r": 6, "gralora_k": 4}, "gralora_k 4 does not divide rank 6"),
        ("gralora", {"r": 9, "gralora_k": 3}, "does not divide d 64 and h 64"),
        ("miss", {"r": 65}, "give 64 or less"),
        ("miss", {"r": 3, "init_weights": "bat"}, "take 2 or 4"),
        ("miss", {"mini_r": 3, "init_weights": "mini"}, "mini_r 3 does not divide h 64"),
        ("lily", {"num_B": 1}, "num_B is 1"),
        ("poly", {"poly_type": "other"}, "poly_type is 'other'"),
        ("loha", {"layers_pattern": "layers"}, "layers_pattern needs layers_to_transform"),
        ("lokr", {"alpha_pattern": {"q_proj": None}}, "q_proj is null"),
    ],
    ids=repr,
)
def test_what_peft_refuses_is_refused_by_name(method: str, fields: dict[str, Any], reason: str) -> None:
    """In one short line."""
    with pytest.raises(InvalidInput) as caught:
        cost(LLAMA, method, fields)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_lily_refuses_endings_that_peft_chooses_between_by_chance() -> None:
    """T5's wo ends with o as well, and a Python set has no order."""
    t5 = {"model_type": "t5", "d_model": 16, "d_kv": 4, "num_heads": 4, "d_ff": 16, "num_layers": 1, "vocab_size": 50}
    with pytest.raises(InvalidInput, match="'o', 'wo' match the end of the same names"):
        cost(t5, "lily", {"target_modules": ["o", "wo"]})
    assert cost(t5, "lily", {"target_modules": ["SelfAttention.o", "DenseReluDense.wo"]}).adapted_modules == 4


@given(st.integers(1, MAX_DIMENSION), st.integers(-2, 5000))
def test_a_side_is_the_product_of_its_factors(side: int, factor: int) -> None:
    """The smaller one first, unless the factor asked for divides the side."""
    small, large = factors(side, factor)
    assert small * large == side
    assert small in {factor, min(small, large)}


def test_the_layers_of_a_text_count_where_peft_condenses_all_linear() -> None:
    """LoHa does not refuse the two together; from 20 modules on PEFT takes endings for them, which layers apply to."""
    fields = {"r": 1, "target_modules": "all-linear", "layers_to_transform": [1]}
    assert cost(LLAMA, "loha", fields).adapted_modules == 7
    assert cost(LLAMA | {"num_hidden_layers": 2}, "loha", fields).adapted_modules == 14
