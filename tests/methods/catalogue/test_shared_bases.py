"""The methods around shared or random bases, on one matrix and on a small model.

The figures are PEFT 0.21.2's: `get_nb_trainable_parameters()` and the size of the saved file, of a torch
Linear of 6 inputs and 8 outputs and of a Llama with 2 layers.
"""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import llama

from lora_cli.analysis.count import count as counting
from lora_cli.analysis.count.adapted_matrix import AdaptedMatrix, count_matrix
from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.analysis.count.remarks import warnings_of
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.one_matrix import on_one_matrix
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

MATRIX = [
    # h + r, and A (2 x 6) and B (8 x 2) in the file.
    ("vera", 2, {}, 10, 10, 512),
    # h + 2r.
    ("pvera", 2, {}, 12, 12, 576),
    ("pvera", 2, {"save_projection": False}, 12, 12, 264),
    # Two bases of rank 4 make up rank 6: 2 * (4 + 6); the file has the bases twice.
    ("randlora", 4, {}, 20, 20, 1344),
    ("randlora", 4, {"save_projection": False}, 20, 20, 304),
    # A bank of 5 * 2, and 5 logits for each of 3 * (3 + 4) parts.
    ("vblora", 3, {"num_vectors": 5, "vector_length": 2}, 115, 115, 780),
    # 300 vectors need two bytes an index: 21 * (2 * 2 + 1 * 4) bytes beside the bank of 300 * 2 * 4.
    ("vblora", 3, {"num_vectors": 300, "vector_length": 2, "save_only_topk_weights": True}, 6900, 6900, 3128),
    ("fourierft", None, {"n_frequency": 10}, 10, 10, 176),
    ("waveft", None, {"n_frequency": 10}, 10, 10, 168),
    # 6 * 8 / 2.
    ("c3a", None, {"block_size": 2}, 24, 24, 224),
    ("unilora", 2, {"theta_d_length": 16}, 16, 16, 184),
    ("unilora", 2, {"theta_d_length": 16, "save_indices": True}, 16, 16, 896),
    ("tinylora", 2, {"u": 3}, 3, 3, 556),
    # A rank over the matrix's 6 is 6.
    ("tinylora", 9, {"u": 3, "save_projection": False}, 3, 3, 644),
    # The diagonal's 6, and a fifth of 36.
    ("frod", None, {"sparse_rate": 0.2}, 13, 13, 788),
    ("frod", None, {"sparse_rate": 0.0, "save_projection": False}, 6, 6, 248),
    # One cluster of all rows: 2 * 4 + 8 * 2.
    ("adamss", 4, {"num_subspaces": 1, "subspace_rank": 2}, 24, 24, 488),
    # Two clusters: 2 * 4 + 8; how the rows are split, and so the file's header, is up to the weight.
    ("adamss", 4, {"num_subspaces": 2}, 16, 16, None),
    # 4 of 6 directions are kept: 2 * (6 + 8 + 1).
    ("osf", None, {"effective_rank": 4}, 30, 30, 448),
    ("osf", None, {}, 45, 45, 508),
    ("osf", None, {"effective_rank": 1.0}, 0, 0, 320),
]
LLAMA = llama(
    architectures=["LlamaModel"],
    hidden_size=8,
    intermediate_size=12,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=4,
    vocab_size=10,
)
MODEL = [
    ("randlora", {"r": 4, "target_modules": ["q_proj", "down_proj"]}, 96, 1176, 4984),
    # 10 frequencies a module on average: 15, 5 and 10 by size.
    (
        "waveft",
        {"n_frequency": 10, "proportional_parameters": True, "target_modules": ["q_proj", "k_proj", "down_proj"]},
        60,
        1140,
        960,
    ),
    # Four modules in two groups.
    ("tinylora", {"r": 2, "u": 3, "weight_tying": 0.5, "target_modules": ["q_proj", "v_proj"]}, 6, 1086, 2200),
    ("frod", {"sparse_rate": 0.1, "target_modules": ["q_proj", "down_proj"]}, 80, 1160, 3048),
    # A norm is none of OSF's, and left alone; the first pattern that is found decides.
    (
        "osf",
        {"rank_pattern": {"layers.0": 2, "down": 0.75}, "target_modules": ["q_proj", "down_proj", "norm"]},
        338,
        1418,
        2824,
    ),
    ("osf", {"target_modules": ["norm"]}, 0, 1080, 40),
    (
        "c3a",
        {"block_size": 4, "block_size_pattern": {"q_proj": 8}, "target_modules": ["q_proj", "down_proj"]},
        64,
        1144,
        744,
    ),
]


def count(method: str, fields: dict[str, Any]) -> ModelCount:
    """Count a method's config on the small Llama."""
    read, unknown = read_adapter_config(Config({"peft_type": method.upper(), **fields}, "adapter_config.json"))
    assert not unknown
    return count_model(read_config(Config(LLAMA), "small"), read)


def count_on_matrix(method: str, r: int | None, fields: dict[str, Any]) -> AdaptedMatrix:
    """Count a method's config on a matrix of 6 inputs and 8 outputs."""
    given = {"peft_type": method.upper(), **fields} | ({} if r is None else {"r": r})
    read, unknown = read_adapter_config(Config(on_one_matrix(given), f"method {method}"))
    assert not unknown
    return count_matrix(6, 8, read)


@pytest.mark.parametrize(("method", "r", "fields", "trainable", "adapter", "file"), MATRIX)
def test_a_matrix_costs_what_peft_says(
    method: str, r: int | None, fields: dict[str, Any], trainable: int, adapter: int, file: int | None
) -> None:
    """All parameters are the matrix's 48 and the adapter's; buffers are none, and the file may have them."""
    cost = count_on_matrix(method, r, fields)
    assert (cost.trainable_params, cost.all_params - 48, cost.adapter_bytes) == (trainable, adapter, file)


@pytest.mark.parametrize(("method", "fields", "trainable", "everything", "file"), MODEL)
def test_a_model_costs_what_peft_says(
    method: str, fields: dict[str, Any], trainable: int, everything: int, file: int
) -> None:
    """What modules share is there once, and what they decide together is so."""
    cost = count(method, fields)
    assert (cost.trainable_params, cost.all_params, cost.adapter_bytes) == (trainable, everything, file)


@pytest.mark.parametrize(
    ("method", "fields", "message"),
    [
        (
            "vblora",
            {"vector_length": 3},
            "vector_length 3 does not divide h 8 of 'W'; take 2",
        ),
        ("c3a", {"block_size": 4}, "block_size 4 does not divide d 6 of 'W'; take 2"),
        (
            "vblora",
            {"num_vectors": 2, "topk": 3, "save_only_topk_weights": True},
            "topk is 3, and the bank has num_vectors 2",
        ),
        (
            "fourierft",
            {"n_frequency": 49},
            "n_frequency is 49, but the weight of 'W' has only 48 values; give 48 or less",
        ),
        ("waveft", {"wavelet_family": "haar"}, "wavelet_family is 'haar'; choose from: db1, db2"),
        (
            "c3a",
            {"block_size": 2, "init_weights": "zeros"},
            "init_weights is 'zeros'; choose from: true, false, gaussian",
        ),
        ("tinylora", {"weight_tying": 1.5}, "weight_tying is 1.5; it must be from 0 to 1"),
        ("unilora", {"init_theta_d_bound": 0}, "init_theta_d_bound is 0; it must be over 0"),
        ("adamss", {"subspace_rank": 2}, "the values of the weight decide the rank of each; give 1 to count it"),
        ("adamss", {"use_asa": True, "mask_interval": 0}, "mask_interval is 0; with use_asa it must be over 0"),
        (
            "osf",
            {"effective_rank": 0},
            "effective_rank 0 keeps no singular value of 'W', which has rank 6; give a whole number",
        ),
    ],
)
def test_what_peft_refuses_is_refused_with_the_fix(method: str, fields: dict[str, Any], message: str) -> None:
    """So is what only data decide. The message has the value, the limit and what would work."""
    with pytest.raises(InvalidInput) as caught:
        count_on_matrix(method, None, fields)
    assert message in str(caught.value)


def test_the_base_of_half_precision_keeps_its_type() -> None:
    """PEFT makes adapters float32, but FRoD's V is no adapter to it: 2 bytes less for 12 * 12 + 8 * 8 values."""
    fields = {"peft_type": "FROD", "sparse_rate": 0.1, "target_modules": ["q_proj", "down_proj"]}
    read, _ = read_adapter_config(Config(fields, "adapter_config.json"))
    assert count_model(read_config(Config({**LLAMA, "dtype": "bfloat16"}), "small"), read).adapter_bytes == 2616
    assert count_model(read_config(Config(LLAMA), "small"), read).adapter_bytes == 3048


def test_modules_of_one_category_must_take_inputs_of_one_size() -> None:
    """FRoD names a category by a name's last two parts: one base cannot fit both."""
    from lora_cli.methods.catalogue.shared_bases.frod import METHOD, Settings
    from lora_cli.methods.place import Place
    from lora_cli.models.nodes import Module

    places = [Place(Module("layers.0.mlp.up", 6, 8), 0), Place(Module("layers.1.mlp.up", 4, 8), 0)]
    modules = tuple(place.module for place in places)
    own = Settings(sparse_rate=0.1, sharing=modules)
    with pytest.raises(InvalidInput, match=r"has 6 inputs and another mlp_up has 4.*; target modules of one size"):
        list(METHOD.shared_tensors(places, own))


def test_bases_are_made_for_the_whole_names_that_layers_to_transform_spares_later() -> None:
    """PEFT 0.21.2 writes 41,552 bytes: the decoder's wider layers, which it does not adapt, decide the bases' sides."""
    model = {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "d_model": 24,
        "encoder_layers": 4,
        "decoder_layers": 1,
        "encoder_ffn_dim": 25,
        "decoder_ffn_dim": 30,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 6,
    }
    fields = {"peft_type": "RANDLORA", "r": 7, "target_modules": "all-linear", "layers_to_transform": [1]}
    read, _ = read_adapter_config(Config(fields, "adapter_config.json"))
    cost = count_model(read_config(Config(model), "small"), read)
    assert (cost.trainable_params, cost.adapter_bytes) == (744, 41552)


@pytest.mark.parametrize(("layers", "adapted"), [(2, 14), (3, 7)])
def test_many_targets_are_subject_to_the_layers_as_few_are_not(layers: int, adapted: int) -> None:
    """PEFT condenses 20 and more targets to endings, and looks at layers for endings alone."""
    model = {**LLAMA, "architectures": ["LlamaForCausalLM"], "num_hidden_layers": layers}
    fields = {"peft_type": "VERA", "r": 2, "target_modules": "all-linear", "layers_to_transform": [0]}
    read, _ = read_adapter_config(Config(fields, "adapter_config.json"))
    assert count_model(read_config(Config(model), "small"), read).adapted_modules == adapted


def test_a_size_that_the_weights_decide_is_unknown_and_said() -> None:
    """AdaMSS trains a known number of values, in clusters of rows that only the weights tell."""
    found = counting.count(16, 24, 4, "adamss", {"num_subspaces": 5})
    assert (found.trainable_params, found.adapter_bytes) == (5 * 4 + 24, None)
    assert "adapter_bytes is unknown: the values of the weights decide" in found.notes[0]
    assert counting.count(16, 24, 4, "adamss", {"num_subspaces": 1}).notes == ()


def test_clusters_that_the_weights_decide_are_said() -> None:
    """PEFT makes 64 clusters of the 64 rows of most weights with r 1, and 63 or 62 of others."""
    fields = {"target_modules": ["q_proj", "down_proj"], "num_subspaces": 5}
    (warning,) = warnings_of(count("adamss", {**fields, "r": 1}))
    assert "num_subspaces 5 with r 1 is nearly as many as the rows of a weight (8 or fewer)" in warning
    assert not list(warnings_of(count("adamss", {**fields, "r": 2})))
    assert not list(warnings_of(count("adamss", {**fields, "r": 1, "num_subspaces": 4})))
