"""What loaders refuse or skip: each rule has a damage that triggers it, and an intact adapter triggers none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import CONFIG, Array, pair, write_adapter, write_arrays, write_config
from small_llama import llama

from lora_cli import InvalidInput, check, count, inspect
from lora_cli.analysis.check.path_checks import Terms, check_paths
from lora_cli.analysis.check.subject_check import Rules
from lora_cli.analysis.check.verdict import Verdict
from lora_cli.analysis.inspect.findings.declaration import ERROR, SEVERITIES, Finding
from lora_cli.analysis.inspect.findings.registry import FINDINGS
from lora_cli.analysis.loaders.destination import read_destinations
from lora_cli.analysis.loaders.registry import codes, loader_named, loader_names
from lora_cli.analysis.memory.serving.refusals import REFUSALS
from lora_cli.methods.config.peft_releases import known_versions, read_release
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

Arrays = dict[str, Array]
Q = "model.layers.0.self_attn.q_proj"
# The fields that PEFT 0.21.2 writes beside those of every config, at their defaults.
NEW = {"use_dora": False, "lora_bias": False, "peft_version": "0.21.2", "eva_config": None, "qalora_group_size": 16}


def ones(*shape: int) -> Array:
    """Return an array that is not zero."""
    return np.ones(shape, "<f4")


def model(model_type: str = "llama", **fields: Any) -> Model:
    """Return a model whose q_proj is 64 x 64."""
    classes = {"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "stablelm": "StableLmForCausalLM"}
    architectures = [classes.get(model_type, "PhiForCausalLM")]
    return read_config(
        Config(llama(model_type=model_type, architectures=architectures, num_hidden_layers=1, **fields)), "small"
    )


def lora(r: int = 4, **others: Array) -> Arrays:
    """Return LoRA on q_proj, and tensors of other names beside it."""
    return pair(Q, ones(r, 64), ones(64, r)) | {f"{Q}.{name}": array for name, array in others.items()}


def found(loader: str, path: str, base: Model | None = None, **how: Any) -> list[Finding]:
    """Return what a loader's rules find in an adapter."""
    (destination,) = read_destinations([loader], how.get("peft_version"), how.get("max_rank"))
    return destination.findings(inspect(path, base))


# An adapter that triggers a rule: its tensors, the fields of its config, and what is known of the loader.
VLLM: dict[str, tuple[Arrays, dict[str, Any], dict[str, Any]]] = {
    "vllm-dora": (lora(lora_magnitude_vector=ones(64)), {"use_dora": True}, {}),
    "vllm-full-copy": (lora() | {"lm_head.weight": ones(99, 64)}, {"modules_to_save": ["lm_head"]}, {}),
    "vllm-bias": (lora() | {f"{Q}.bias": ones(64)}, {"bias": "all"}, {}),
    "vllm-lora-bias": (lora() | {f"{Q}.lora_B.bias": ones(64)}, {"lora_bias": True}, {}),
    "vllm-token-rows": (
        lora() | {"model.embed_tokens.trainable_tokens_delta": ones(1, 64)},
        {"trainable_token_indices": [1]},
        {},
    ),
    "vllm-layer-replication": (lora(), {"layer_replication": [[0, 1], [0, 1]]}, {}),
    "vllm-start": (lora(), {"init_lora_weights": "pissa"}, {}),
    "vllm-alora": (lora(), {"alora_invocation_tokens": [1], "task_type": "CAUSAL_LM"}, {}),
    "vllm-bdlora": (lora(), {"use_bdlora": {"target_modules_bd_a": ["q_proj"], "nblocks": 2}}, {}),
    "vllm-qalora": (lora(), {"use_qalora": True}, {}),
    "vllm-method": ({f"{Q}.vera_lambda_b": ones(64)}, {"peft_type": "VERA"}, {}),
    "vllm-rank": (lora(24), {"r": 24}, {"max_rank": 16}),
    "vllm-default-rank": (lora(24), {"r": 24}, {}),
    "vllm-head": (lora() | {"score.weight": ones(2, 64)}, {"modules_to_save": ["score"]}, {}),
    "vllm-experts": (lora(), {"target_parameters": ["mlp.experts.down_proj"]}, {}),
    "vllm-key": (lora() | {"model.embed_tokens.weight": ones(103, 64)}, {}, {}),
    "vllm-model": (lora(), {}, {"base": "stablelm"}),
    "vllm-module": (
        pair("model.embed_tokens", ones(4, 64), ones(64, 4)),
        {"target_modules": ["embed_tokens"]},
        {"base": "mistral"},
    ),
    "vllm-unknown-model": (lora(), {}, {"base": "phi"}),
}
PEFT: dict[str, tuple[Arrays, dict[str, Any], dict[str, Any]]] = {
    "peft-method": ({f"{Q}.vera_lambda_b": ones(64)}, {"peft_type": "VERA"}, {"peft_version": "0.9"}),
    "peft-safetensors": (lora(), {}, {"peft_version": "0.3"}),
    "peft-start": (lora(), {"init_lora_weights": "eva"}, {"peft_version": "0.13"}),
    "peft-field": (lora(), NEW, {"peft_version": "0.13"}),
    "peft-spare-field": (lora(), NEW, {"peft_version": "0.14"}),
}


@pytest.mark.parametrize(("code", "case"), [*VLLM.items(), *PEFT.items()])
def test_a_damage_triggers_its_rule_alone(
    code: str, case: tuple[Arrays, dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    """A finding has a message and a remedy, and no other rule of the loader says the same again."""
    arrays, fields, how = case
    path = write_adapter(tmp_path / "damaged", arrays, **fields)
    base = model(how.pop("base")) if "base" in (how := dict(how)) else None
    told = found(code.partition("-")[0], path, base, **how)
    assert [each.code for each in told] == [code]
    assert told[0].message
    assert told[0].remedy
    assert told[0].severity in SEVERITIES


@pytest.mark.parametrize("loader", ["peft", "vllm"])
def test_other_formats_are_refused_and_nothing_else_is_said(loader: str, tmp_path: Path) -> None:
    """Of kohya's file it is told what converts it."""
    path = tmp_path / "kohya.safetensors"
    write_arrays(path, {f"lora_unet_mid_block_q.lora_{name}.weight": ones(4, 4) for name in ("down", "up")})
    (told,) = found(loader, str(path))
    assert (told.code, told.severity) == (f"{loader}-format", ERROR)
    assert told.message.endswith("reads PEFT's format only, and the file is of kohya / LyCORIS")
    helps = {
        "peft": "load it with the pipeline's load_lora_weights; then, of",
        "vllm": "load it with diffusers, or with the",
    }
    assert told.remedy.startswith(helps[loader])


def test_what_diffusers_refuses_is_not_sent_there(tmp_path: Path) -> None:
    """LoHa needs PEFT's own script."""
    path = tmp_path / "loha.safetensors"
    sides = {"w1_a": (4, 2), "w1_b": (2, 4), "w2_a": (4, 2), "w2_b": (2, 4)}
    write_arrays(path, {f"lora_unet_mid_block_q.hada_{name}": ones(*size) for name, size in sides.items()})
    (told,) = found("peft", str(path))
    assert told.remedy.startswith("convert it with PEFT's examples/stable_diffusion/convert_sd_adapter_to_peft.py")


def test_every_rule_has_a_damage() -> None:
    """Those of diffusers are in a file of their own, and every other code is above."""
    own = [code for code in codes() if not code.startswith("diffusers-") and not code.endswith("-format")]
    assert sorted(own) == sorted([*VLLM, *PEFT])


@pytest.mark.parametrize("name", loader_names())
def test_a_loader_is_whole(name: str) -> None:
    """It is called as its file, each rule bears its name, and what it takes from `inspect` are errors there."""
    loader = loader_named(name)
    assert loader.name == name
    assert all(rule.code.startswith(f"{name}-") and rule.remedy for rule in loader.all_rules)
    assert all(FINDINGS[code].severity == ERROR for code in loader.findings)
    assert len({*codes(), *FINDINGS}) == len(codes()) + len(FINDINGS)


@pytest.mark.parametrize(
    "fields",
    [{}, NEW, {"use_rslora": True, "rank_pattern": {"x": 8}}, {"init_lora_weights": "gaussian"}, {"bias": "none"}],
)
@pytest.mark.parametrize("base", [None, "llama"])
def test_an_intact_adapter_triggers_nothing(fields: dict[str, Any], base: str | None, tmp_path: Path) -> None:
    """rsLoRA, patterns and spare fields at their defaults load in PEFT and vLLM, with the model and without."""
    path = write_adapter(tmp_path / "intact", lora(), **fields)
    for loader in ("peft", "vllm"):
        assert not found(loader, path, None if base is None else model(base), max_rank=16)
        verdicts = check(path, loads_in=loader, model=None if base is None else model(base))
        assert [(v.rule, v.value, v.limit, v.passed) for v in verdicts] == [
            ("findings", 0, 0, True),
            (f"loads-in {loader}", 0, 0, True),
        ]


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        (["r"], 'add "r": 8 to adapter_config.json'),
        (["lora_alpha"], 'add "lora_alpha": 8, which PEFT takes without it, to adapter_config.json'),
        (["target_modules"], "add target_modules with the names of the adapted modules to adapter_config.json"),
        (
            ["r", "lora_alpha"],
            'add "r": 8 and "lora_alpha": 8, which PEFT takes without it, to adapter_config.json',
        ),
    ],
)
def test_a_config_without_a_field_that_vllm_needs_is_refused(missing: list[str], remedy: str, tmp_path: Path) -> None:
    """`PEFTHelper.from_dict` has no defaults for three fields, which PEFT has."""
    path = write_adapter(tmp_path / "a", lora(8), r=8)
    config = {name: value for name, value in (CONFIG | {"r": 8}).items() if name not in missing}
    (tmp_path / "a" / "adapter_config.json").write_text(json.dumps(config))
    (told,) = found("vllm", path)
    assert (told.code, told.remedy) == ("vllm-format", remedy)
    assert "Missing required configuration fields" in told.message
    assert not found("peft", path)


@pytest.mark.parametrize(
    ("root", "passes"),
    [
        ("base_model.model.model.", True),
        ("model.", True),
        ("base_model.model.base_model.model.model.", True),
        ("base_model.model.", False),
        ("module.base_model.model.model.", False),
    ],
)
def test_vllm_finds_modules_by_their_names(root: str, passes: bool, tmp_path: Path) -> None:
    """PEFT's root may be missing or doubled there; under another name the base model is served without a word."""
    path = write_adapter(tmp_path / "a", {})
    weights = tmp_path / "a" / "adapter_model.safetensors"
    write_arrays(weights, {key.replace("model.", root, 1): array for key, array in lora().items()})
    told = found("vllm", path, model())
    assert [each.code for each in told] == ([] if passes else ["vllm-module"])
    if not passes:
        assert "finds no module for 2 keys" in told[0].message
        assert "'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'" in told[0].remedy


def test_another_rank_than_the_configs_is_scaled_otherwise(tmp_path: Path) -> None:
    """VLLM scales by the config's rank, and PEFT refuses the tensors."""
    path = write_adapter(tmp_path / "a", lora(8))
    for loader in ("vllm", "peft"):
        verdicts = verdicts_of(path, loads_in=loader)
        assert verdicts == [("finding: rank-mismatch", False), (f"loads-in {loader}", False)]


def test_a_refusal_names_the_value_and_a_remedy_that_helps(tmp_path: Path) -> None:
    """A bias that is not in the file needs no merge, and a prompt cannot be merged."""

    def told(arrays: Arrays, **fields: Any) -> tuple[str, str]:
        (each,) = found("vllm", write_adapter(tmp_path / "a", arrays, **fields))
        return each.message, each.remedy

    message, remedy = told(lora(), bias="lora_only")
    assert message.startswith("vLLM refuses trained biases ('lora_only'): ")
    assert remedy == 'set "bias": "none" in adapter_config.json, as no bias is in the file'
    assert told(lora() | {f"{Q}.bias": ones(64)}, bias="all")[1].startswith("merge it into the base model")
    assert told(lora(), init_lora_weights="pissa")[0].startswith(
        "vLLM refuses an init_lora_weights that changes the base ('pissa'): "
    )
    message, _ = told(lora() | {"lm_head.weight": ones(99, 64)}, modules_to_save=["lm_head"])
    assert message.startswith("vLLM refuses modules_to_save ('lm_head'): ")
    head = lora() | {"score.weight": ones(2, 64)}
    message, _ = told(head, modules_to_save=["classifier", "score"], task_type="SEQ_CLS")
    assert message == "vLLM loads 'classifier', 'score' of modules_to_save only into a model that classifies"
    prompt = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2, "token_dim": 64, "task_type": "CAUSAL_LM"}
    write_config(tmp_path, **prompt)
    write_arrays(tmp_path / "adapter_model.safetensors", {"prompt_embeddings": ones(2, 64)})
    (each,) = found("vllm", str(tmp_path))
    assert (each.code, each.remedy) == (
        "vllm-method",
        "run it with PEFT, as a prompt cannot be merged into the base model",
    )


@pytest.mark.parametrize(
    ("rank", "most", "passes"), [(16, 16, True), (24, 20, True), (40, 20, False), (600, None, False)]
)
def test_a_server_has_the_next_larger_size(rank: int, most: int | None, passes: bool, tmp_path: Path) -> None:
    """A server for ranks up to 20 has 32, and none has more than 512."""
    path = write_adapter(tmp_path / "a", lora(rank), r=rank)
    assert ("vllm-rank" not in [each.code for each in found("vllm", path, max_rank=most)]) == passes


def test_a_pattern_counts_where_it_matches_nothing(tmp_path: Path) -> None:
    """The highest of a config is what vLLM compares."""
    path = write_adapter(tmp_path / "a", lora(), rank_pattern={"k_proj": 64})
    (told,) = found("vllm", path, max_rank=16)
    assert (told.code, "64 is over the server's max_lora_rank of 16" in told.message) == ("vllm-rank", True)
    assert told.remedy == "start vLLM with max_lora_rank 64"


def test_what_vllm_says_is_quoted() -> None:
    """Word for word, so that a reader finds it in a log."""
    assert all(refusal.said for refusal in REFUSALS)


def verdicts_of(path: str, **keywords: Any) -> list[tuple[str, bool]]:
    """Return the rules of a check, and whether they passed."""
    return [(verdict.rule, verdict.passed) for verdict in check(path, **keywords)]


def test_a_refusal_fails_whatever_fails_otherwise(tmp_path: Path) -> None:
    """It is an error even where only other findings fail; a remark fails where its severity or code does."""
    path = write_adapter(tmp_path / "a", lora(24, lora_magnitude_vector=ones(64)), r=24, use_dora=True)
    refused = ("loads-in vllm: vllm-dora", False)
    assert verdicts_of(path, loads_in="vllm", fail_on=["nan"]) == [("findings", True), refused]
    assert verdicts_of(path, loads_in="vllm", fail_on="vllm-default-rank") == [
        ("finding: vllm-default-rank", False),
        refused,
    ]
    assert verdicts_of(path, loads_in="vllm", ignore="vllm-dora") == [("findings", True), ("loads-in vllm", True)]
    (verdict,) = (each for each in check(path, loads_in="vllm", fail_on=["nan"]) if not each.passed)
    assert str(verdict.failure()).endswith("merge it into the base model, and serve that [vllm-dora]")


def test_what_inspect_finds_is_told_once(tmp_path: Path) -> None:
    """A tensor that is missing is why PEFT would not load it whole; NaN is loaded as it is."""
    arrays = lora()
    del arrays[f"{Q}.lora_B.weight"]
    path = write_adapter(tmp_path / "a", arrays)
    assert verdicts_of(path, loads_in="peft") == [("finding: missing-tensor", False), ("loads-in peft", False)]
    assert verdicts_of(path) == [("finding: missing-tensor", False)]
    assert verdicts_of(path, loads_in="peft", fail_on="nan") == verdicts_of(path, loads_in="peft")
    assert verdicts_of(path, loads_in="peft", ignore="missing-tensor") == [("findings", True), ("loads-in peft", True)]
    (tmp_path / "a" / "adapter_model.safetensors").write_bytes(b"x")
    assert verdicts_of(path, loads_in="vllm", max_rank=8) == [("finding: broken-file", False), ("loads-in vllm", False)]
    nan = write_adapter(tmp_path / "nan", {key: array * np.float32("nan") for key, array in lora().items()})
    assert verdicts_of(nan, loads_in="peft") == [("finding: nan", False), ("loads-in peft", True)]


def test_several_loaders_are_asked_one_by_one(tmp_path: Path) -> None:
    """Each has a rule of its own, whose name says which; a release is that of the loader that has releases."""
    path = write_adapter(tmp_path / "a", lora(24, lora_magnitude_vector=ones(64)), r=24, use_dora=True)
    rules = [
        ("findings", True),
        ("loads-in vllm: vllm-dora", False),
        ("loads-in peft", True),
        ("loads-in diffusers: diffusers-peft-only", False),
    ]
    several = verdicts_of(path, loads_in=["vllm", "peft", "diffusers"])
    assert [each for each in several if "diffusers" not in each[0]] == rules[:3]
    assert verdicts_of(path, loads_in="vllm, peft , diffusers,peft") == several
    old = verdicts_of(path, loads_in=("vllm", "peft"), peft_version="0.8")
    assert old == [*rules[:2], ("loads-in peft: peft-field", False)]


def test_what_several_loaders_refuse_is_told_once(tmp_path: Path) -> None:
    """Each that has no reason of its own says that it fails, and for which findings."""
    arrays = lora()
    del arrays[f"{Q}.lora_B.weight"]
    path = write_adapter(tmp_path / "a", arrays, use_dora=True)
    failed = [verdict for verdict in check(path, loads_in=["peft", "vllm"]) if not verdict.passed]
    assert [each.rule for each in failed] == ["finding: missing-tensor", "loads-in peft", "loads-in vllm: vllm-dora"]
    assert failed[1].value == 1
    told = [str(each.failure()) for each in failed]
    assert sum("lora_B" in each for each in told) == 1
    said = "PEFT would refuse it or leave part of it out; see the finding missing-tensor"
    assert told[1] == f"{path}: loads-in peft: {said}"


@pytest.mark.parametrize(
    ("loader", "arrays", "fields", "version", "code"),
    [
        ("vllm", {f"{Q}.vera_lambda_b": ones(64)}, {"peft_type": "VERA", "use_dora": True}, None, "vllm-method"),
        ("peft", {f"{Q}.vera_lambda_b": ones(64)}, {"peft_type": "VERA", "new": 1}, "0.3", "peft-method"),
    ],
)
def test_what_is_not_loaded_at_all_has_no_other_finding(
    loader: str, arrays: Arrays, fields: dict[str, Any], version: str | None, code: str, tmp_path: Path
) -> None:
    """What a loader would make of the rest does not matter."""
    path = write_adapter(tmp_path / "a", arrays, **fields)
    assert [each.code for each in found(loader, path, peft_version=version)] == [code]


def test_only_trained_adapters_are_loaded(tmp_path: Path) -> None:
    """A count, a model and a config without weights are refused by name."""
    write_config(tmp_path)
    write_arrays(tmp_path / "adapter_model-00001-of-00002.safetensors", lora())
    write_arrays(tmp_path / "adapter_model-00002-of-00002.safetensors", lora())
    for subject in (count(8, 8, 2), "gpt2", str(tmp_path)):
        base = {"model": model()} if subject == str(tmp_path) else {}
        with pytest.raises(
            InvalidInput,
            match=r"^loads_in is about trained adapters, and .* in one piece, as adapter_model\.safetensors",
        ):
            check(subject, loads_in="peft", **base)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"loads_in": "vlm"}, r"^loads_in: 'vlm' is not known; did you mean vllm\?"),
        ({"loads_in": "tgi"}, r"^loads_in: 'tgi' is not known; choose from: diffusers, peft, vllm"),
        ({"loads_in": ""}, r"^loads_in: '' is not known; choose from"),
        ({"loads_in": [["peft"]]}, r"^loads_in: \['peft'\] is not known"),
        ({"loads_in": "peft,"}, r"^loads_in: '' is not known; choose from"),
        ({"loads_in": ["peft", "vlm"]}, r"^loads_in: 'vlm' is not known; did you mean vllm\?"),
        ({"loads_in": {"peft": 1}}, r"^loads_in: \{'peft': 1\} is not known"),
        (
            {"loads_in": ["vllm", "diffusers"], "peft_version": "0.13"},
            r"does not matter to vLLM and diffusers; drop it",
        ),
        ({"loads_in": "../peft"}, r"is not known"),
        ({"loads_in": "peft\x1b[31m"}, r"'peft\\x1b\[31m' is not known"),
        ({"peft_version": "0.13"}, r"^peft_version needs loads_in peft; give that too, or drop it"),
        ({"loads_in": "vllm", "peft_version": "0.13"}, r"^peft_version does not matter to vLLM; drop it"),
        ({"loads_in": "peft", "peft_version": "x"}, r"^peft_version: 'x' is not a version; write it like 0\.13 or"),
        ({"loads_in": "peft", "peft_version": ""}, r"^peft_version: '' is not a version"),
        ({"loads_in": "peft", "peft_version": 0.13}, r"^peft_version: 0\.13 is not a version"),
        ({"loads_in": "peft", "peft_version": "9" * 5000}, r"is not a version"),
        ({"loads_in": "peft", "peft_version": "٠.13"}, r"is not a version"),
        ({"loads_in": "peft", "peft_version": "0.13.0\n"}, r"is not a version"),
        ({"loads_in": "peft", "peft_version": "99.0"}, r"'99\.0' is newer than 0\.21\.2, the newest release of PEFT"),
        ({"loads_in": "peft", "peft_version": "0.1"}, r"'0\.1' is older than 0\.2\.0, the first release of PEFT"),
        ({"loads_in": "peft", "peft_version": "0.13.7"}, r"is not a release of PEFT; did you mean 0\.13\.2"),
    ],
)
def test_nonsense_is_refused(keywords: dict[str, Any], said: str, tmp_path: Path) -> None:
    """The argument is named, with the value and what to write instead."""
    path = write_adapter(tmp_path / "a", lora())
    with pytest.raises(InvalidInput, match=said):
        check(path, **keywords)


@pytest.mark.parametrize("version", known_versions())
def test_every_release_is_read(version: str, tmp_path: Path) -> None:
    """The config of the first release loads in all of them, but for the file that the oldest do not read."""
    assert read_release(version).version == version
    path = write_adapter(tmp_path / "a", lora())
    old = {"0.2.0", "0.3.0"}
    assert [each.code for each in found("peft", path, peft_version=version)] == ["peft-safetensors"] * (version in old)


def test_the_remedy_of_a_field_is_the_release_that_has_it(tmp_path: Path) -> None:
    """Fields at their defaults may be dropped; one that is set needs its release."""

    def remedies(version: str, **fields: Any) -> list[str]:
        path = write_adapter(tmp_path / "a", lora(lora_magnitude_vector=ones(64)), **fields)
        return [each.remedy for each in found("peft", path, peft_version=version)]

    drop = "drop it from adapter_config.json, where it changes nothing, or use PEFT"
    assert remedies("0.8", use_dora=False) == [f"{drop} 0.9.0 or newer"]
    assert remedies("0.8", use_dora=True) == ["use PEFT 0.9.0 or newer"]
    both = "use PEFT 0.18.0 or newer, or PEFT 0.9.0 without peft_version"
    assert remedies("0.8", use_dora=True, peft_version="0.21.2") == [both]
    assert remedies("0.5", use_dora=True) == ["use PEFT 0.9.0 or newer"]
    assert remedies("0.8", use_dorra=True) == ["use the release that wrote it"]


def test_a_start_that_no_release_knows_is_refused(tmp_path: Path) -> None:
    """Without a model by the loader's rule, with one by the finding of `inspect`; old releases do not look at it."""
    path = write_adapter(tmp_path / "a", lora(), init_lora_weights="evva")
    remedy = 'set "init_lora_weights": true, as the weights are in the file'
    assert [(each.code, each.remedy) for each in found("peft", path)] == [("peft-start", remedy)]
    assert not found("peft", path, peft_version="0.6")
    with_model = verdicts_of(path, loads_in="peft", model=model())
    assert {("finding: refused-config", False), ("loads-in peft", False)} <= {*with_model}
    assert ("loads-in peft: peft-start", False) not in with_model
    pissa = write_adapter(tmp_path / "pissa", lora(), init_lora_weights="pissa")
    assert [each.remedy for each in found("peft", pissa, peft_version="0.8")] == ["use PEFT 0.11.0 or newer"]


def test_a_verdict_knows_its_rule(tmp_path: Path) -> None:
    """`Verdict` has the fields of every other rule."""
    verdict = check(write_adapter(tmp_path / "a", lora()), loads_in="peft")[-1]
    assert isinstance(verdict, Verdict)
    assert verdict.record() == {
        "path": str(tmp_path / "a"),
        "rule": "loads-in peft",
        "value": 0,
        "limit": 0,
        "passed": True,
    }


@pytest.mark.parametrize(("layers", "passes"), [(24, True), (12, False)])
def test_the_bundled_base_that_a_config_names_is_compared(layers: int, passes: bool, tmp_path: Path) -> None:
    """Qwen2.5 0.5B has 24 layers, whose q_proj is 896 x 896; with another base nothing is known to be missing."""
    arrays: Arrays = {}
    for layer in range(layers):
        arrays |= pair(f"model.layers.{layer}.self_attn.q_proj", ones(4, 896), ones(896, 4))
    for base, said in (("Qwen/Qwen2.5-0.5B", "compared with the bundled model"), ("org/own", "it was not compared")):
        path = write_adapter(tmp_path / "a", arrays, base_model_name_or_path=base)
        (found_here,) = check_paths([path], lambda _: Terms(Rules(destinations=read_destinations(["peft"]))))
        is_known = base != "org/own"
        assert all(verdict.passed for verdict in found_here.verdicts) is (passes or not is_known)
        assert any(said in note for note in found_here.notes)
        assert found_here.model is None
