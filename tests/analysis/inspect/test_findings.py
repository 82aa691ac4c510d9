"""Adapters on disk: what is read of them, and that each kind of damage gives its finding and no whole one does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import Array, pair, write_adapter
from small_llama import llama

from lora_cli import Inspection, InvalidInput, inspect
from lora_cli.analysis.inspect.findings.declaration import SEVERITIES
from lora_cli.analysis.inspect.findings.registry import FINDINGS
from lora_cli.analysis.inspect.inspect import FIELDS
from lora_cli.analysis.inspect.module_records import MODULE_FIELDS
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

BASE = llama(
    architectures=["LlamaForCausalLM"],
    hidden_size=32,
    intermediate_size=64,
    num_key_value_heads=4,
    vocab_size=50,
    tie_word_embeddings=True,
)
# What only the files of other programs have.
FOREIGN_CODES = {
    "two-formats",
    "other-metadata",
    "unread-metadata",
    "missing-alpha",
    "unusual-alpha",
    "invalid-alpha",
    "other-format",
    "refused-file",
    "skipped-module",
    "unknown-module",
    "other-sides",
    "text-encoder-alone",
}
ARRAYS = dict[str, Array]
Damage = Callable[[ARRAYS, dict[str, Any]], None]
Q0, Q1 = (f"model.layers.{layer}.self_attn.q_proj" for layer in (0, 1))


def base() -> Model:
    """Return a model of two layers."""
    return read_config(Config(BASE), "small")


def values(*shape: int) -> Array:
    """Return numbers that are neither 0 nor special."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("<f4")


def whole() -> tuple[ARRAYS, dict[str, Any]]:
    """Return the tensors and the config of a LoRA adapter of rank 4 on q_proj in both layers."""
    arrays = pair(Q0, values(4, 32), values(32, 4)) | pair(Q1, values(4, 32), values(32, 4))
    return arrays, {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}


def codes(found: Inspection) -> list[str]:
    """Return the codes of what was found."""
    return [finding.code for finding in found.findings]


def test_a_module_shows_what_one_of_its_factors_tells(tmp_path: Path) -> None:
    """A of r x d and B of h x r: what the other would tell is unknown."""
    whole_pair = pair(Q0, values(4, 32), values(16, 4))
    for key, sizes in zip(whole_pair, ((32, None, 4), (None, 16, 4)), strict=True):
        folder = write_adapter(tmp_path / "lone", {key: whole_pair[key]} | pair(Q1, values(4, 32), values(16, 4)))
        lone, other = inspect(folder).modules
        assert tuple(lone[field] for field in ("d", "h", "r", "alpha", "scaling")) == (*sizes, None, None)
        assert tuple(other[field] for field in ("d", "h", "r")) == (32, 16, 4)


def test_a_whole_adapter_has_no_findings(tmp_path: Path) -> None:
    """By hand: 2 pairs of 4 x (32 + 32) values, with the model and without."""
    arrays, config = whole()
    folder = write_adapter(tmp_path / "whole", arrays, **config)
    for model in (None, base()):
        found = inspect(folder, model)
        assert found.findings == ()
        assert tuple(found.record()) == FIELDS
        assert (found.trainable_params, found.file_params, found.expected_params) == (512, 512, 512)
        assert (found.r, found.alpha, found.adapted_modules, found.dtype) == (4, 8.0, 2, "float32")
        record = found.modules[0]
        assert tuple(record) == MODULE_FIELDS
        assert [record[name] for name in MODULE_FIELDS[1:]] == [Q0, "lora", 32, 32, 4, 8.0, 2.0, 256, "float32"]
    assert found.expected_bytes == 2576


@pytest.mark.parametrize(
    "fields",
    [{"init_lora_weights": "other"}, {"use_dora": True, "alora_invocation_tokens": [1], "task_type": "CAUSAL_LM"}],
)
def test_a_config_that_no_module_takes_is_compared_all_the_same(fields: dict[str, Any], tmp_path: Path) -> None:
    """PEFT refuses it on every module, so what it adds beside one is not known."""
    arrays, config = whole()
    found = inspect(write_adapter(tmp_path / "refused", arrays, **config | fields))
    assert (found.max_rank, found.file_params) == (4, 512)


def test_a_grouped_convolution_has_its_rank_in_groups(tmp_path: Path) -> None:
    """A is r x d, B h x r / groups; a rank of it costs 8 * 9 + 8 / 2 values, and its weight has 8 * 8 * 9 / 2."""
    arrays = pair("cg", values(4, 8, 3, 3), values(8, 2, 1, 1))
    found = inspect(write_adapter(tmp_path / "grouped", arrays, target_modules=["cg"]))
    assert [found.modules[0][name] for name in ("d", "h", "r", "params")] == [8, 8, 4, 304]
    assert [(finding.code, "3.78947" in finding.message) for finding in found.findings] == [
        ("rank-past-break-even", True)
    ]
    half = pair("cg", values(2, 8, 3, 3), values(8, 1, 1, 1))
    smaller = write_adapter(tmp_path / "smaller", half, r=2, target_modules=["cg"])
    assert codes(inspect(smaller)) == []
    assert codes(inspect(write_adapter(tmp_path / "other", arrays, r=2, target_modules=["cg"]))) == [
        "rank-mismatch",
        "rank-past-break-even",
    ]


def _set(key: str, array: Array) -> Damage:
    return lambda arrays, _: arrays.update({key: array})


def _config(**fields: Any) -> Damage:
    return lambda _, config: config.update(fields)


def _drop(key: str) -> Damage:
    def damage(arrays: ARRAYS, _: dict[str, Any]) -> None:
        del arrays[key]

    return damage


def _renamed(rename: Callable[[str], str]) -> Damage:
    def damage(arrays: ARRAYS, _: dict[str, Any]) -> None:
        for key in list(arrays):
            arrays[rename(key)] = arrays.pop(key)

    return damage


def _special(value: float) -> Damage:
    def damage(arrays: ARRAYS, _: dict[str, Any]) -> None:
        arrays[f"{Q1}.lora_A.weight"][3, 31] = value

    return damage


def _swapped(arrays: ARRAYS, _: dict[str, Any]) -> None:
    a, b = (f"{Q0}.lora_{side}.weight" for side in "AB")
    arrays[a], arrays[b] = arrays[b], arrays[a]


def _embeddings(arrays: ARRAYS, config: dict[str, Any]) -> None:
    arrays["model.embed_tokens.weight"] = values(50, 32)
    config["modules_to_save"] = ["embed_tokens"]


def _vocabulary(arrays: ARRAYS, _: dict[str, Any]) -> None:
    """As PEFT saves an adapter after `resize_token_embeddings(53)`."""
    arrays["model.embed_tokens.weight"] = values(53, 32)


def _thick(r: int) -> Damage:
    def damage(arrays: ARRAYS, config: dict[str, Any]) -> None:
        arrays |= pair(Q0, values(r, 32), values(32, r)) | pair(Q1, values(r, 32), values(32, r))
        config |= {"r": r, "lora_alpha": r}

    return damage


B0 = f"{Q0}.lora_B.weight"
# What is done to an adapter, and the codes that it is found by without the model and with it.
DAMAGES: dict[str, tuple[Damage, set[str], set[str]]] = {
    "a tensor is missing": (_drop(B0), {"missing-tensor"}, {"missing-tensor"}),
    "a layer is missing": (
        lambda arrays, config: [_drop(f"{Q0}.lora_{side}.weight")(arrays, config) for side in "AB"] and None,
        set(),
        {"missing-tensor"},
    ),
    "a stray tensor": (_set("model.layers.0.mlp.gate", values(3, 3)), {"unknown-tensor"}, {"unknown-tensor"}),
    "A and B swapped": (_swapped, {"shape-mismatch"}, {"shape-mismatch"}),
    "another vocabulary": (_vocabulary, {"full-embeddings"}, {"vocabulary-mismatch"}),
    "B transposed": (_set(B0, values(4, 32)), {"shape-mismatch"}, {"shape-mismatch"}),
    "A too wide": (_set(f"{Q0}.lora_A.weight", values(4, 48)), set(), {"shape-mismatch"}),
    "another rank in the config": (_config(r=8), {"rank-mismatch"}, {"rank-mismatch"}),
    "another rank by pattern": (_config(rank_pattern={"q_proj": 2}), {"rank-mismatch"}, {"rank-mismatch"}),
    "NaN": (_special(float("nan")), {"nan"}, {"nan"}),
    "infinity": (_special(float("-inf")), {"infinity"}, {"infinity"}),
    "B is zero": (_set(B0, np.zeros((32, 4), "<f4")), {"zero-b"}, {"zero-b"}),
    "B is minus zero": (_set(B0, -np.zeros((32, 4), "<f4")), {"zero-b"}, {"zero-b"}),
    "B is small": (_set(B0, np.full((32, 4), 0x80, "<u4").view("<f4")), set(), set()),
    "the root twice": (_renamed(lambda key: f"base_model.model.{key}"), {"wrong-prefix"}, {"wrong-prefix"}),
    "a compiled model": (_renamed(lambda key: f"_orig_mod.{key}"), {"wrong-prefix"}, {"wrong-prefix"}),
    "the adapter's name": (
        _renamed(lambda key: key.replace(".weight", ".default.weight")),
        {"wrong-prefix"},
        {"wrong-prefix"},
    ),
    "a target of no use": (
        _config(target_modules=["q_proj", "query"]),
        {"unmatched-target"},
        {"unmatched-target"},
    ),
    "a pattern of no use": (
        _config(rank_pattern={"query": 4}, alpha_pattern={"layers.7.q_proj": 2}),
        {"unmatched-pattern"},
        {"unmatched-pattern"},
    ),
    "past break-even": (_thick(20), {"rank-past-break-even"}, {"rank-past-break-even"}),
    "past the dimension": (_thick(40), {"rank-past-dimension"}, {"rank-past-dimension"}),
    "embeddings": (_embeddings, {"full-embeddings"}, {"full-embeddings", "tied-apart"}),
    "a scaling too large": (_config(lora_alpha=800), {"extreme-scaling"}, {"extreme-scaling"}),
    "no scaling": (_config(lora_alpha=0), {"extreme-scaling"}, {"extreme-scaling"}),
    "a field misspelt": (_config(lora_alfa=8), {"unknown-field"}, {"unknown-field"}),
    "another model's layers": (
        _renamed(lambda key: key.replace("self_attn.q_proj", "attn.c_attn")),
        {"unmatched-target"},
        {"other-model"},
    ),
    "a config for another model": (
        lambda arrays, config: (
            _renamed(lambda key: key.replace("self_attn.q_proj", "c_attn"))(arrays, config)
            or config.update(target_modules=["c_attn"])
        ),
        set(),
        {"refused-config"},
    ),
    "a target that is copied": (
        lambda arrays, config: (
            arrays.update({"lm_head.weight": values(50, 32)})
            or config.update(target_modules=["q_proj", "lm_head"], modules_to_save=["lm_head"])
        ),
        {"copied-target"},
        {"copied-target"},
    ),
    "few layers": (
        lambda arrays, config: (
            [_drop(f"{Q1}.lora_{side}.weight")(arrays, config) for side in "AB"]
            and config.update(target_modules=["layers.0.self_attn.q_proj"])
        ),
        set(),
        {"few-layers"},
    ),
    "the config of another method": (
        _config(peft_type="IA3", feedforward_modules=[]),
        {"unknown-tensor"},
        {"unknown-tensor"},
    ),
    "ungathered": (_set(B0, np.zeros((0,), "<f4")), {"empty-tensor"}, {"empty-tensor"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_gives_its_finding(damage: str, tmp_path: Path) -> None:
    """It is found with the model at hand, and mostly without; the message and the remedy are one line each."""
    act, alone, with_model = DAMAGES[damage]
    arrays, config = whole()
    act(arrays, config)
    folder = write_adapter(tmp_path / "damaged", arrays, **config)
    for model, expected in ((None, alone), (base(), with_model)):
        found = inspect(folder, model)
        assert expected <= set(codes(found)), (model, found.findings)
        assert expected or not found.findings
        for finding in found.findings:
            assert finding.severity in SEVERITIES
            assert finding.sentence().isascii()
            assert "\n" not in finding.sentence()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        *[("a tensor is missing", None), ("a stray tensor", None), ("B transposed", None), ("ungathered", None)],
        *[("A and B swapped", 512), ("NaN", 512), ("another rank in the config", 1024)],
    ],
)
def test_a_file_alone_tells_what_is_expected_only_where_its_tensors_do(
    damage: str, expected: int | None, tmp_path: Path
) -> None:
    """What a missing tensor would add is not known, nor whether PEFT would write an unknown one."""
    arrays, config = whole()
    DAMAGES[damage][0](arrays, config)
    assert inspect(write_adapter(tmp_path / "damaged", arrays, **config)).expected_params == expected


def test_a_missing_magnitude_is_expected_too(tmp_path: Path) -> None:
    """By hand: 2 pairs of 4 x (32 + 32) values, and DoRA's magnitude of 32 for each."""
    arrays, config = whole()
    magnitudes = {f"{name}.lora_magnitude_vector": values(32) for name in (Q0, Q1)}
    for more, expected in ((magnitudes, 576), ({f"{Q0}.lora_magnitude_vector": values(32)}, None)):
        folder = write_adapter(tmp_path / "dora", arrays | more, **config | {"use_dora": True})
        assert inspect(folder).expected_params == expected


def test_a_prefix_is_named_once_and_the_rest_is_read_all_the_same(tmp_path: Path) -> None:
    """A file whose keys lack PEFT's root is one finding, and not as many missing and unknown tensors."""
    arrays, config = whole()
    folder = write_adapter(tmp_path / "raw", arrays, **config)
    path = tmp_path / "raw" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes().replace(b'"base_model.model.', b'"model.model.model'))
    assert codes(inspect(folder, base())) == ["wrong-prefix"]
    arrays = {f"base_model.model.{key}": array for key, array in arrays.items()}
    twice = write_adapter(tmp_path / "twice", arrays, **config)
    found = inspect(twice, base())
    assert codes(found) == ["wrong-prefix"]
    assert found.adapted_modules == 2


def test_a_truncated_file_is_a_finding(tmp_path: Path) -> None:
    """What its config says is told all the same."""
    arrays, config = whole()
    folder = write_adapter(tmp_path / "short", arrays, **config)
    path = tmp_path / "short" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    found = inspect(folder)
    assert codes(found) == ["broken-file"]
    assert (found.r, found.file_params, found.trainable_params) == (4, None, None)
    assert found.adapter_bytes == path.stat().st_size


def test_a_pickle_beside_the_file_is_noted(tmp_path: Path) -> None:
    """Both formats present: the safe one is read."""
    arrays, config = whole()
    folder = write_adapter(tmp_path / "both", arrays, **config)
    (tmp_path / "both" / "adapter_model.bin").write_bytes(b"\x80\x04")
    assert codes(inspect(folder)) == ["pickled-beside"]


def test_every_code_has_a_damage() -> None:
    """So no finding is one that nothing gives; `test_foreign.py` damages the files of other programs."""
    given = {code for _, alone, with_model in DAMAGES.values() for code in alone | with_model}
    assert given | {"broken-file", "pickled-beside"} | FOREIGN_CODES == set(FINDINGS)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "is not a trained adapter"),
        (("adapter_model.safetensors",), "has no adapter_config.json"),
        (("adapter_config.json",), "has no adapter_model.safetensors"),
        (("adapter_config.json", "own.safetensors"), "no other name: rename .*own.safetensors', or give that path"),
        (("model.pt",), "model.pt': a pickle is never unpickled"),
        (("adapter_config.json", "adapter_model.bin"), "adapter_model.bin': a pickle is never unpickled"),
    ],
)
def test_a_folder_that_is_no_whole_adapter_is_refused(files: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """One sentence says what is not there, and what to do."""
    for name in files:
        (tmp_path / name).write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(InvalidInput, match=said):
        inspect(str(tmp_path))


def test_values_of_large_files_are_looked_at_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By header alone NaN is not seen."""
    monkeypatch.setattr("lora_cli.analysis.inspect.inspect.READ_BYTES", 1000)
    arrays, config = whole()
    _special(float("nan"))(arrays, config)
    folder = write_adapter(tmp_path / "large", arrays, **config)
    assert codes(inspect(folder)) == []
    assert codes(inspect(folder, values=True)) == ["nan"]


def test_an_adapter_without_its_base_is_said_not_to_be_compared(tmp_path: Path) -> None:
    """Nothing that is wrong with it may be left, or only what a base shows."""
    whole = write_adapter(tmp_path / "a", pair(Q0, values(4, 32), values(32, 4)), base_model_name_or_path="org/own")
    said = "it was not compared with its base model 'org/own', which shows what is missing; give that as model"
    assert list(inspect(whole).notes) == [f"{whole}: {said}"]
    assert not [note for note in inspect(whole, base()).notes if "not compared" in note]
    half = write_adapter(tmp_path / "b", {f"{Q0}.lora_A.weight": values(4, 32)}, base_model_name_or_path="org/own")
    assert inspect(half).errors
    assert not inspect(half).notes
    assert not inspect(write_adapter(tmp_path / "c", pair(Q0, values(4, 32), values(32, 4)))).notes
