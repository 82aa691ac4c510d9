"""An adapter is compared with the bundled or local base that its config names, unless it may have been trained on another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import Array, pair, write_adapter
from small_llama import llama

from lora_cli import InvalidInput, check, inspect, read_model
from lora_cli.analysis.check.path_checks import Terms, check_path, check_paths
from lora_cli.analysis.check.subject_check import Rules, SubjectCheck
from lora_cli.methods.config.adaptation import UNCHANGED

Arrays = dict[str, Array]
QWEN = "Qwen/Qwen2.5-0.5B"
WIDTH, LAYERS, VOCABULARY = 896, 24, 151936
COMPARED = "compared with the bundled model 'Qwen/Qwen2.5-0.5B'"
NOT_COMPARED = (
    "it was not compared with its base model 'Qwen/Qwen2.5-0.5B', which shows what is missing; give that as model"
)


def ones(*shape: int) -> Array:
    """Return values of a tensor."""
    return np.ones(shape, "<f4")


def q_projections(layers: int = LAYERS, width: int = WIDTH, body: str = "model.") -> Arrays:
    """Return the tensors of an adapter of each layer's q_proj."""
    arrays: Arrays = {}
    for layer in range(layers):
        arrays |= pair(f"{body}layers.{layer}.self_attn.q_proj", ones(4, width), ones(width, 4))
    return arrays


def checked(path: Path, arrays: Arrays, **fields: Any) -> tuple[list[str], list[str]]:
    """Return the rules that fail for an adapter of Qwen2.5 0.5B, and the notes."""
    config = {"base_model_name_or_path": QWEN, "task_type": "CAUSAL_LM", **fields}
    (found,) = check_paths([write_adapter(path, arrays, **config)], lambda _: Terms(Rules()))
    assert isinstance(found, SubjectCheck)
    return [each.rule for each in found.verdicts if not each.passed], list(found.notes)


def test_an_adapter_of_the_bundled_base_passes(tmp_path: Path) -> None:
    """A note says what it was compared with."""
    failed, notes = checked(tmp_path / "a", q_projections())
    assert not failed
    assert [note for note in notes if COMPARED in note]


def test_an_adapter_of_another_size_fails(tmp_path: Path) -> None:
    """It does not fit the base that its config names: 16 layers of 2048, and the base has 24 of 896."""
    path = tmp_path / "a"
    failed, notes = checked(path, q_projections(16, 2048))
    assert failed == ["finding: other-model"]
    assert [note for note in notes if COMPARED in note]
    assert [verdict.rule for verdict in check(path) if not verdict.passed] == failed


@pytest.mark.parametrize(
    ("arrays", "fields"),
    [
        (lambda: q_projections(body=""), {"task_type": "FEATURE_EXTRACTION"}),
        (lambda: q_projections(body=""), {"task_type": None}),
        (lambda: q_projections(12), {"task_type": None, "auto_mapping": {"base_model_class": "Qwen2Encoder"}}),
        (
            lambda: q_projections() | {"score.weight": ones(3, WIDTH)},
            {"task_type": "SEQ_CLS", "modules_to_save": ["score"]},
        ),
        (lambda: q_projections() | {"model.embed_tokens.weight": ones(VOCABULARY + 8, WIDTH)}, {}),
    ],
    ids=["features", "bare-class", "other-class", "head", "resized-vocabulary"],
)
def test_an_adapter_of_another_class_or_vocabulary_passes(
    arrays: Callable[[], Arrays], fields: dict[str, Any], tmp_path: Path
) -> None:
    """A base of another class or vocabulary than the bundled one is no fault of the adapter; a note says how to compare."""
    failed, notes = checked(tmp_path / "a", arrays(), **fields)
    assert not failed
    assert [note for note in notes if NOT_COMPARED in note]


def test_a_base_that_is_not_bundled_is_named_in_a_note(tmp_path: Path) -> None:
    """So is how to compare; a config that names no base has no note, and what fails already needs none."""
    failed, notes = checked(tmp_path / "a", q_projections(), base_model_name_or_path="org/own")
    assert not failed
    assert [note for note in notes if "not compared with its base model 'org/own'" in note]
    assert not checked(tmp_path / "b", q_projections(), base_model_name_or_path=None)[1]
    arrays = q_projections()
    del arrays["model.layers.0.self_attn.q_proj.lora_B.weight"]
    assert checked(tmp_path / "c", arrays, base_model_name_or_path="org/own") == (["finding: missing-tensor"], [])


def test_a_lock_has_no_figures_of_a_base_that_nobody_gave(tmp_path: Path) -> None:
    """It is the same for an adapter whose config does not name a bundled model, and as earlier locks have it."""
    path, lock = write_adapter(tmp_path / "a", q_projections(), base_model_name_or_path=QWEN), tmp_path / "lock"
    check(path, lock=lock, update_lock=True)
    (figures,) = json.loads(lock.read_text())["subjects"].values()
    assert "trainable_params" in figures
    assert not {"full_params", "all_params"} & figures.keys()
    with pytest.raises(InvalidInput, match="does not exist"):
        check(path, lock=tmp_path / "none")


def test_a_given_model_is_compared_as_it_is(tmp_path: Path) -> None:
    """Whoever gives the model means its class."""
    path = write_adapter(tmp_path / "a", q_projections(body=""), base_model_name_or_path=QWEN)
    found = check_path(path, Rules(), read_model(QWEN), UNCHANGED, default_model=None)
    assert [each.rule for each in found.verdicts if not each.passed] == ["finding: wrong-prefix"]


def local_base(path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None = None) -> None:
    """Make `base` a folder of a small Llama, and its parent the working directory."""
    config = llama(
        architectures=["LlamaForCausalLM"], hidden_size=32, intermediate_size=64, num_hidden_layers=2, vocab_size=50
    )
    monkeypatch.chdir(path)
    (path / "base").mkdir()
    (path / "base" / "config.json").write_text(json.dumps(config) if content is None else content)


@pytest.mark.parametrize("revision", [None, "v1"])
def test_a_local_base_is_compared(revision: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that lost both tensors of a module fails, as beside a model that is given; a folder has no revisions."""
    local_base(tmp_path, monkeypatch)
    for base in ("base", "./base", str(tmp_path / "base")):
        fields = {"base_model_name_or_path": base, "revision": revision}
        failed, notes = checked(tmp_path / "whole", q_projections(2, 32), **fields)
        assert not failed
        assert [note for note in notes if f"compared with the model in the folder {base!r}" in note]
        assert checked(tmp_path / "half", q_projections(1, 32), **fields)[0] == ["finding: missing-tensor"]
    assert [each.rule for each in check(tmp_path / "half") if not each.passed] == ["finding: missing-tensor"]


@pytest.mark.parametrize(
    ("arrays", "fields"),
    [
        (q_projections(1, 32, body=""), {"task_type": None}),
        (q_projections(1, 32), {"task_type": "SEQ_CLS"}),
        (q_projections(2, 32) | {"model.embed_tokens.weight": ones(58, 32)}, {}),
    ],
    ids=["bare-class", "other-class", "resized-vocabulary"],
)
def test_a_local_base_of_another_class_or_vocabulary_is_left(
    arrays: Arrays, fields: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the note of any base that was not compared."""
    local_base(tmp_path, monkeypatch)
    failed, notes = checked(tmp_path / "a", arrays, base_model_name_or_path="base", **fields)
    assert not failed
    assert [note for note in notes if "not compared with its base model 'base'" in note]


@pytest.mark.parametrize("content", ["{", '{"model_type": "own"}'])
def test_a_local_base_that_cannot_be_read_is_a_note(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why."""
    local_base(tmp_path, monkeypatch, content)
    failed, notes = checked(tmp_path / "a", q_projections(1, 32), base_model_name_or_path="base")
    assert not failed
    assert [note for note in notes if "not compared with its base model 'base'" in note]
    assert [note for note in notes if "the base model that its config names cannot be read: " in note]


def test_inspect_compares_with_the_same_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As beside a model that is given, but for a note; of another class nothing is compared, and a model wins."""
    local_base(tmp_path, monkeypatch)
    whole = write_adapter(tmp_path / "whole", q_projections(2, 32), base_model_name_or_path="base")
    alone, given = inspect(whole), inspect(whole, "base")
    assert alone.record() == given.record()
    assert alone.expected_bytes is not None
    assert [note for note in alone.notes if "compared with the model in the folder 'base'" in note]
    half = write_adapter(tmp_path / "half", q_projections(1, 32), base_model_name_or_path="base")
    assert [each.code for each in inspect(half).findings] == ["missing-tensor"]
    other = write_adapter(tmp_path / "other", q_projections(1, 32, body=""), base_model_name_or_path="base")
    found = inspect(other)
    assert (found.findings, found.expected_bytes) == ((), None)
    assert [note for note in found.notes if "not compared with its base model 'base'" in note]
    assert [each.code for each in inspect(whole, "gpt2").findings] == ["refused-config"]
