"""torch's own attention as a target, with which PEFT adapts the Linear inside; the figures are those of PEFT 0.21.2."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

TOWER = {
    "model_type": "siglip_vision_model",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
OUTER, INNER = "base_model.model.head.attention", "base_model.model.head.attention.base_layer.out_proj"


def cost(method: str = "LORA", **fields: Any) -> ModelCount:
    """Return the count of a config on a tower whose head pools by attention."""
    config, _ = read_adapter_config(Config({"peft_type": method, "target_modules": ["attention"], "r": 4, **fields}))
    return count_model(read_config(Config(TOWER), "tower"), config)


def keys(found: ModelCount) -> set[str]:
    """Return the keys of what the file holds of the head."""
    assert found.file_tensors is not None
    return {key for key in found.file_tensors if ".head." in key}


def test_it_is_adapted_with_its_output_projection() -> None:
    """A and B of q, k and v in one, and of the Linear inside, which is not a target of its own."""
    found = cost()
    assert (found.trainable_params, found.all_params) == (384, 13808)
    assert [place.module.name for place in found.targets.places] == ["head.attention"]
    assert keys(found) == {f"{module}.lora_{side}.weight" for module in (OUTER, INNER) for side in "AB"}


@pytest.mark.parametrize(
    ("fields", "figures"),
    [
        ({"rank_pattern": {"out_proj": 2}}, (384, 13808)),
        ({"rank_pattern": {"attention": 2}}, (192, 13616)),
        ({"exclude_modules": ["out_proj"]}, (384, 13808)),
        ({"bias": "all"}, (624, 13808)),
        ({"bias": "lora_only"}, (400, 13808)),
        ({"lora_bias": True}, (448, 13872)),
        ({"r": 40}, (3840, 17264)),
        ({"target_modules": ["attention", "out_proj"]}, (640, 14064)),
        ({"target_modules": ["head.attention.out_proj"]}, (128, 13552)),
        ({"target_modules": "all-linear"}, (1280, 14704)),
        ({"target_modules": [], "target_parameters": ["attention.in_proj_weight"]}, (256, 13680)),
    ],
)
def test_a_config_counts_as_in_peft(fields: dict[str, Any], figures: tuple[int, int]) -> None:
    """The rank of the Linear inside is that of the attention; its bias alone is called one."""
    found = cost(**fields)
    assert (found.trainable_params, found.all_params) == figures


def test_a_trained_bias_is_that_of_the_linear_inside() -> None:
    """The file names it behind two of PEFT's wrappers."""
    biased = keys(cost(bias="lora_only")) - keys(cost())
    assert biased == {f"{INNER}.base_layer.bias"}


def test_the_linear_inside_as_a_target_too_is_saved_with_its_base() -> None:
    """PEFT puts a second adapter beside the first, and takes all that hangs there for its own."""
    both = keys(cost(target_modules=["attention", "out_proj"])) - keys(cost())
    base = {f"{OUTER}.out_proj.base_layer.{leaf}" for leaf in ("weight", "bias")}
    assert both == base | {f"{OUTER}.out_proj.lora_{side}.weight" for side in "AB"}
    trained = cost(target_modules=["attention", "out_proj"], bias="lora_only")
    assert both <= keys(trained)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"use_dora": True}, "use_dora cannot adapt 'head.attention', which is of the kind MultiheadAttention"),
        ({"init_lora_weights": "pissa"}, "'pissa' cannot initialise 'head.attention'"),
        ({"init_lora_weights": "orthogonal"}, "'orthogonal' cannot initialise 'head.attention'"),
        ({"modules_to_save": ["out_proj"]}, "adapted too"),
        ({"method": "LOHA"}, "'head.attention' is not a Linear"),
        ({"method": "ADALORA", "total_step": 10}, "'head.attention' is not a Linear"),
    ],
)
def test_what_peft_refuses_is_refused(fields: dict[str, Any], message: str) -> None:
    """It takes no variant, has no weight to decompose, and no method but LoRA adapts it."""
    with pytest.raises(InvalidInput, match=message):
        cost(**fields)
