"""OFT, BOFT, HRA, PSOFT and RoAd: figures that PEFT 0.21.2 gave for the same configs."""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import BOTH, cost, refusal

from lora_cli.analysis.count.count import count
from lora_cli.analysis.count.remarks import warnings_of

BASE = 6032


@pytest.mark.parametrize(
    ("method", "fields", "trained", "file"),
    [
        # q_proj has 16 inputs, 2 blocks of 8; down_proj 24, 3 blocks: 8·7/2 values a block, in two layers.
        ("oft", {"oft_block_size": 8}, 2 * (2 + 3) * 28, 1640),
        ("oft", {"oft_block_size": 0, "r": 2}, 2 * 2 * (28 + 66), 2024),
        ("oft", {"oft_block_size": 8, "block_share": True}, 2 * 2 * 28, 960),
        # 7 divides neither: 8 is the nearest of 16, and 6 and 8 are as near to it in 24.
        ("oft", {"oft_block_size": 7}, 2 * (2 * 28 + 4 * 15), 1440),
        ("boft", {}, 2 * (16 * 4 + 16 + 24 * 4 + 16), 2496),
        ("boft", {"boft_block_size": 0, "boft_block_num": 2}, 2 * (16 * 8 + 16 + 24 * 12 + 16), 4560),
        ("hra", {"r": 3}, 2 * 3 * (16 + 24), 1448),
        ("psoft", {"r": 4}, 4 * (6 + 4 + 4), 1680),
        ("psoft", {"r": 4, "psoft_orth": False, "psoft_mag_a": False}, 4 * (16 + 4), 1312),
        ("road", {"group_size": 8}, 4 * 16, 1200),
        ("road", {"group_size": 8, "variant": "road_2"}, 4 * 2 * 16, 1464),
        ("road", {"group_size": 8, "variant": "road_4"}, 4 * 4 * 16, 1984),
    ],
)
def test_what_is_trained_and_saved(method: str, fields: dict[str, Any], trained: int, file: int) -> None:
    """All that is added is trained, and the file holds it."""
    found = cost(method, **BOTH, **fields)
    assert (found.trainable_params, found.all_params, found.adapter_bytes) == (trained, BASE + trained, file)


def test_an_embedding_is_turned_in_its_width() -> None:
    """OFT cuts the 16 values of a row into 4 blocks, whatever the vocabulary."""
    assert cost("oft", target_modules=["embed_tokens"], oft_block_size=4).trainable_params == 4 * 6


def test_a_size_that_peft_moves_is_said() -> None:
    """PEFT takes another block size than asked for, with a warning."""
    assert not list(warnings_of(cost("oft", **BOTH, oft_block_size=8)))
    (warning,) = list(warnings_of(cost("oft", **BOTH, oft_block_size=7)))
    assert warning == (
        "oft_block_size 7 does not divide the 16 inputs of 'model.layers.0.self_attn.q_proj' and 3 more; "
        "PEFT uses 8 there, the nearest number that does"
    )


def test_butterfly_factors_are_counted_as_without_a_cuda_extension() -> None:
    """PEFT falls back to one factor where its extension does not compile; the other figure is said."""
    found = cost("boft", **BOTH, boft_n_butterfly_factor=2)
    assert found.trainable_params == cost("boft", **BOTH).trainable_params
    assert "320 more are trained" in next(iter(warnings_of(found)))


@pytest.mark.parametrize(
    ("method", "fields", "said"),
    [
        ("oft", {"r": 8}, "r is 8 and oft_block_size is 32; one of them must be 0"),
        ("oft", {"oft_block_size": 0}, "r is 0 and oft_block_size is 0; one of them must be 0"),
        ("boft", {"boft_block_num": 2}, "boft_block_size is 4 and boft_block_num is 2"),
        (
            "boft",
            {"boft_block_size": 5},
            "boft_block_size 5 does not divide width 16 of 'model.layers.0.self_attn.q_proj'; take 4 or 8",
        ),
        ("psoft", {"r": 17}, "give 16 or less"),
        ("psoft", {"use_cayley_neumann": True, "cayley_neumann_eps": 1}, "cayley_neumann_eps is 1"),
        ("psoft", {"ab_svd_init": "svd"}, "choose from: psoft_init, pissa_init"),
        ("road", {"group_size": 64}, "group_size 64 does not divide the 16 outputs"),
        ("road", {"group_size": 6}, "take 4 or 8"),
        ("road", {"group_size": 3}, "it must be even"),
        ("road", {"variant": "road_3"}, "did you mean road_"),
        ("hra", {"target_modules": ["embed_tokens"]}, "is not a Linear or Conv2d, and hra adapts nothing else in PEFT"),
    ],
)
def test_what_peft_refuses_is_refused(method: str, fields: dict[str, Any], said: str) -> None:
    """The sentence has the value, the limit and what to do."""
    assert said in refusal(method, **BOTH | fields)


def test_layers_are_ignored_beside_a_text_where_peft_does_not_look() -> None:
    """OFT's config class takes layers_to_transform with a text, and adapts all layers then."""
    fields = {"target_modules": r".*\.q_proj", "layers_to_transform": [0]}
    assert cost("oft", **fields).adapted_modules == 2
    assert "needs target_modules to be a list" in refusal("hra", **fields)


@pytest.mark.parametrize(("layers", "adapted"), [(2, 14), (3, 7), (22, 7)])
def test_many_targets_are_endings_which_layers_filter(layers: int, adapted: int) -> None:
    """All Linears of two layers are 14 whole names, found in any layer; from 20 on PEFT shortens them to endings."""
    fields = {"target_modules": "all-linear", "layers_to_transform": [1]}
    assert cost("oft", {"num_hidden_layers": layers}, **fields, oft_block_size=8).adapted_modules == adapted


def test_groups_are_refused_where_peft_refuses_them() -> None:
    """HRA and BOFT take a convolution's inputs all together."""
    from lora_cli.methods import method_named
    from lora_cli.methods.place import Place
    from lora_cli.models.nodes import Module

    grouped = Place(Module("conv", 4, 4, "Conv2d", kernel=(3, 3), groups=2), 2)
    for method in ("hra", "boft"):
        with pytest.raises(ValueError, match="a convolution with 2 groups"):
            list(method_named(method).tensors(grouped, method_named(method).settings()))


def test_one_matrix() -> None:
    """d·(b − 1)/2 for OFT, r·d for HRA."""
    assert count(768, 1024, method="oft").trainable_params == 768 * 31 // 2
    assert count(768, 1024, 4, method="hra").trainable_params == 4 * 768
