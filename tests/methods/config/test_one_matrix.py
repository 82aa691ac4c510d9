"""What a config that chooses among modules means for one matrix: PEFT's rules for a model of one Linear named W."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_cli import Count, InvalidInput, count


def of_file(folder: Path, **fields: Any) -> Count:
    """Count an adapter_config.json on a matrix of 64 x 32."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({"peft_type": "LORA", "r": 8, **fields}))
    return count(64, 32, adapter=path)


# PEFT 0.21.2's figures.
@pytest.mark.parametrize(
    ("method", "r", "trained", "everything"),
    [("lora", 8, 288, 2336), ("loha", 8, 576, 2624), ("delora", 8, 289, 2337), ("osf", None, 2813, 4861)],
)
def test_a_rank_pattern_counts(method: str, r: int | None, trained: int, everything: int) -> None:
    """One that names W gives its rank, as it would in a model."""
    found = count(64, 32, r, method, {"rank_pattern": {"W": 3}})
    assert (found.trainable_params, found.all_params, found.warnings) == (trained, everything, ())


def test_a_rank_pattern_in_a_file_counts_or_is_said_to_match_nothing(tmp_path: Path) -> None:
    """Whatever modules the file targets."""
    assert of_file(tmp_path, rank_pattern={"W": 3}).trainable_params == 288
    assert of_file(tmp_path, rank_pattern={"W": 3}, target_modules=["q_proj"]).trainable_params == 288
    unmatched = of_file(tmp_path, rank_pattern={"q_proj": 3}, target_modules=["q_proj"])
    assert unmatched.trainable_params == 768
    assert unmatched.warnings == ("rank_pattern 'q_proj' matched nothing in one matrix",)


@pytest.mark.parametrize("wanted", [["q_proj"], ["q_proj", "W"], "q_proj|v_proj", "all-linear", None])
def test_the_matrix_is_one_of_a_files_targets(tmp_path: Path, wanted: object) -> None:
    """A config of a model counts on one of its matrices."""
    found = of_file(tmp_path, target_modules=wanted, modules_to_save=["lm_head"], exclude_modules=["vision"])
    assert (found.trainable_params, found.warnings) == (768, ())


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a full copy": ({"modules_to_save": ["W"]}, "given modules_to_save"),
    "excluded": ({"exclude_modules": ["W"]}, "given exclude_modules"),
    "rows": ({"trainable_token_indices": [1]}, "rows of the input embeddings"),
    "rows of W": ({"trainable_token_indices": {"W": [1]}}, "'W', which is adapted too"),
    "a parameter": ({"target_parameters": ["W.weight"]}, "target_modules adapts too"),
    "an empty list": ({"target_modules": []}, "an empty list"),
    "layers": ({"layer_replication": [[0, 1]]}, "layer_replication finds no list of layers"),
}


@pytest.mark.parametrize(("fields", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_peft_refuses_on_such_a_model_is_refused(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    """From Python and from a file alike."""
    with pytest.raises(InvalidInput, match=reason):
        count(64, 32, 8, "lora", fields)
    with pytest.raises(InvalidInput, match=reason):
        of_file(tmp_path, **fields)


@pytest.mark.parametrize("wanted", [["V"], "V"])
def test_targets_that_a_caller_gives_must_match(wanted: object) -> None:
    """There is no model that they could be of."""
    with pytest.raises(InvalidInput, match="no module of 'one matrix' is targeted by 'V'"):
        count(64, 32, 8, "lora", {"target_modules": wanted})
    with pytest.raises(InvalidInput, match="feedforward_modules has 'V', which is missing from target_modules"):
        count(64, 32, method="ia3", settings={"feedforward_modules": ["V"]})
    assert count(64, 32, method="ia3", settings={"feedforward_modules": ["W"]}).trainable_params == 64


def test_a_bare_parameter_may_be_the_only_target() -> None:
    """As of a fused expert, but of two dimensions."""
    fields = {"target_modules": [], "target_parameters": ["W.weight"]}
    assert count(64, 32, 8, "lora", fields).trainable_params == 768
