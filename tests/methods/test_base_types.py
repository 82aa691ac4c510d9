"""What the type of a base model changes: figures of PEFT 0.21.2 on a small Llama of each type, built with its values."""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import cost, refusal

QUERY = {"target_modules": ["q_proj"]}
TYPES = ("float32", "bfloat16", "float16", "float64")
CASES: dict[str, tuple[str, dict[str, Any], tuple[int, ...], tuple[int, ...]]] = {
    # The number of ranks is a parameter, which a cast makes anew and trains.
    "adalora": ("adalora", {"total_step": 10, "init_r": 4, **QUERY}, (264, 266, 266, 266), (1784, 1784, 1784, 2848)),
    "copies of norms": ("ln_tuning", {}, (80,) * 4, (1000, 840, 832, 1320)),
    "paths left out": ("glora", {"r": 2, "config_A_B": "none", **QUERY}, (0,) * 4, (5744, 3512, 3504, 10224)),
    "some paths left out": ("glora", {"r": 2, **QUERY}, (256,) * 4, (3120, 2936, 2936, 4544)),
    # The networks beside the blocks are float32 whatever the base is, and the shadow is as the base.
    "shadow": ("shadow", {"r": 2}, (2680,) * 4, (14520, 10080, 10072, 23480)),
    "buffers of samples": (
        "lora",
        {"r": 2, "monteclora_config": {"num_samples": 3}, **QUERY},
        (138,) * 4,
        (2288, 2268, 2260, 2912),
    ),
    "buffers that are cast": ("vera", {"r": 2, **QUERY}, (36,) * 4, (1064, 1064, 1064, 1464)),
}


@pytest.mark.parametrize(("method", "fields", "trained", "sizes"), CASES.values(), ids=CASES)
def test_parameters_are_cast_and_others_are_not(
    method: str, fields: dict[str, Any], trained: tuple[int, ...], sizes: tuple[int, ...]
) -> None:
    """PEFT casts the parameters of adapters out of half precision, and only those."""
    found = [cost(method, {"dtype": dtype}, **fields) for dtype in TYPES]
    assert tuple(each.trainable_params for each in found) == trained
    assert tuple(each.adapter_bytes for each in found) == sizes


def test_a_frozen_factor_of_an_embedding_trains_once_it_is_cast() -> None:
    """MiCA freezes B, which is a bare parameter there."""
    fields = {"r": 2, "init_lora_weights": "mica", "target_modules": ["embed_tokens"]}
    found = [cost("lora", {"dtype": dtype}, **fields) for dtype in TYPES[:3]]
    assert [(each.trainable_params, each.adapter_bytes) for each in found] == [(100, 4112), (132, 2504), (132, 2504)]


@pytest.mark.parametrize(
    ("method", "fields"),
    [("psoft", {}), *(("lora", {"init_lora_weights": start}) for start in ("pissa", "pissa_niter_2", "olora", "mica"))],
)
def test_weights_in_float64_are_not_decomposed(method: str, fields: dict[str, Any]) -> None:
    """PEFT refuses them."""
    assert "in float64" in refusal(method, {"dtype": "float64"}, r=2, **QUERY, **fields)
    assert cost(method, {"dtype": "float16"}, r=2, **QUERY, **fields).adapter_bytes
