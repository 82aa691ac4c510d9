"""Damaged files of diffusers, mlx-lm and torchtune: what their own loaders do with them, as a finding each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded_files import Case, case, write_case

from lora_cli import Inspection, InvalidInput, inspect
from lora_cli.analysis.inspect.findings.declaration import ERROR

Change = Callable[[Case], None]
METADATA = "lora_adapter_metadata"
Q = "transformer.transformer_blocks.0.attn.to_q"
TEXT = "text_encoder.encoder.layers.0.mlp.fc1"


def codes(found: Inspection) -> set[str]:
    """Return the codes of what is found, without what tiny modules give."""
    return {each.code for each in found.findings} - {"rank-past-dimension", "rank-past-break-even"}


def pair(module: str, r: int, a: str = "lora_A.weight", b: str = "lora_B.weight") -> dict[str, Any]:
    """Return the types and shapes of an A and a B."""
    return {f"{module}.{a}": ["F32", [r, 16]], f"{module}.{b}": ["F32", [16, r]]}


def flux(**metadata: Any) -> Case:
    """Return a file of two Linears of one rank, with what the metadata says of them."""
    said = (
        {METADATA: json.dumps({f"transformer.{name}": value for name, value in metadata.items()})} if metadata else {}
    )
    return {"metadata": {"format": "pt", **said}, "tensors": pair(Q, 4) | pair(f"{Q[:-1]}k", 4)}


def told(**fields: Any) -> Case:
    """Return the same file with a whole LoraConfig in its metadata, some fields of it changed."""
    return flux(**{"r": 4, "lora_alpha": 8, "target_modules": ["to_q", "to_k"], **fields})


def changed(tensors: dict[str, Any], whole: Case | None = None) -> Case:
    """Return a file with more tensors."""
    whole = whole or flux()
    return whole | {"tensors": whole["tensors"] | tensors}


FLUX = {"_class_name": "FluxTransformer2DModel", "num_layers": 1, "num_single_layers": 1, "num_attention_heads": 2}


def base(folder: Path, attention_head_dim: int) -> str:
    """Write the config of a Flux transformer, and return its path."""
    (folder / "config.json").write_text(json.dumps({**FLUX, "attention_head_dim": attention_head_dim}))
    return str(folder / "config.json")


ALPHA = {f"{Q}.alpha": ["F32", []]}
WHOLE: dict[str, Case] = {
    "one rank": flux(),
    "metadata": told(),
    "ranks and alphas in metadata": told(rank_pattern={"to_k": 4}, alpha_pattern={"to_q": 2.5}, use_rslora=True),
    "text encoder with attention": changed(pair("text_encoder.encoder.layers.0.self_attn.q_proj", 4) | pair(TEXT, 4)),
    "mlx": case("mlx", "lora"),
    "mlx, whole layers": case("mlx", "full"),
}
DAMAGES: dict[str, tuple[Case, set[str]]] = {
    "another rank, no alpha": (changed(pair(f"{Q[:-1]}v", 2)), {"missing-alpha"}),
    "two spellings": (changed(pair(f"{Q[:-1]}v", 4, "lora.down.weight", "lora.up.weight")), {"skipped-module"}),
    "only a text encoder": (
        flux() | {"tensors": pair("text_encoder.encoder.layers.0.self_attn.q_proj", 4)},
        {"text-encoder-alone"},
    ),
    "a text encoder without attention": (changed(pair(TEXT, 4)), {"refused-file"}),
    "metadata without targets": (flux(r=4), {"refused-file"}),
    "metadata of no component": (
        told() | {"metadata": {METADATA: '{"r": 4, "target_modules": ["to_q"]}'}},
        {"refused-file"},
    ),
    "metadata that is not JSON": (flux() | {"metadata": {METADATA: "{"}}, {"refused-file"}),
    "metadata that is a list": (flux() | {"metadata": {METADATA: "[1]"}}, {"refused-file"}),
    "metadata nested without end": (flux() | {"metadata": {METADATA: "[" * 100_000}}, {"refused-file"}),
    "an unknown field": (told(spline=1), {"refused-file"}),
    "an alpha that is a text": (told(lora_alpha="8"), {"refused-file"}),
    "an alpha of NaN": (told(lora_alpha=float("nan")), {"refused-file"}),
    "another rank in metadata": (told(r=8), {"rank-mismatch"}),
    "alphas twice": (changed(ALPHA, told()), {"refused-file"}),
    "alphas of a UNet": (
        {"metadata": None, "tensors": pair("unet.conv_in", 4) | {"unet.conv_in.alpha": ["F32", []]}},
        {"refused-file"},
    ),
    "mlx without a config": ({**case("mlx", "lora"), "config": {}}, {"refused-file"}),
    "mlx without a scale": ({**case("mlx", "lora"), "config": {"lora_parameters": {"rank": 4}}}, {"refused-file"}),
    "mlx with a scale of NaN": (
        {**case("mlx", "lora"), "config": {"lora_parameters": {"rank": 4, "scale": float("nan")}}},
        {"refused-file"},
    ),
    "mlx of another rank": (
        {**case("mlx", "lora"), "config": {"lora_parameters": {"rank": 8, "scale": 1.0}}},
        {"rank-mismatch"},
    ),
    "torchtune beside PEFT's config": (case("torchtune", "mlp"), {"other-format"}),
    "mlx beside PEFT's config": (
        {**case("mlx", "lora"), "config": {"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"]}},
        {"other-format", "refused-file"},
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_has_no_finding(name: str, tmp_path: Path) -> None:
    """Whatever its spelling."""
    assert codes(inspect(write_case(WHOLE[name], tmp_path / "any.safetensors"))) == set()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_gives_its_finding(name: str, tmp_path: Path) -> None:
    """And no other."""
    damaged, expected = DAMAGES[name]
    assert codes(inspect(write_case(damaged, tmp_path / "any.safetensors"))) == expected


def test_torchtune_without_a_config_tells_no_scaling(tmp_path: Path) -> None:
    """Its tensors have ranks, and its alpha stands nowhere."""
    whole = {**case("torchtune", "mlp")}
    del whole["config"]
    found = inspect(write_case(whole, tmp_path / "any.safetensors"))
    assert codes(found) == {"missing-alpha"}
    assert found.findings[0].remedy.startswith("copy adapter_config.json")
    assert {module["scaling"] for module in found.modules} == {None}


def test_the_scaling_of_older_releases_is_named(tmp_path: Path) -> None:
    """By hand: the alpha of all is the first rank, 4, so rank 2 was scaled by 2."""
    found = inspect(write_case(changed(pair(f"{Q[:-1]}v", 2)), tmp_path / "any.safetensors"))
    (message,) = [each.message for each in found.findings if each.code == "missing-alpha"]
    assert "each is scaled by 1, whatever it was trained with, and diffusers before 0.40 scales rank 2 by 2" in message


def test_alphas_of_tensors_are_what_diffusers_takes(tmp_path: Path) -> None:
    """Where a module has none, the usual one of its model."""
    whole = changed(ALPHA)
    found = inspect(write_case(whole, tmp_path / "any.safetensors"))
    (alpha,) = {module["alpha"] for module in found.modules} - {None}
    assert {module["scaling"] for module in found.modules} == {alpha / 4}


def test_rank_and_alpha_of_metadata_are_peft_s(tmp_path: Path) -> None:
    """α / √r with `use_rslora`, and α by `alpha_pattern`."""
    whole = WHOLE["ranks and alphas in metadata"]
    found = inspect(write_case(whole, tmp_path / "any.safetensors"))
    assert {module["name"]: module["scaling"] for module in found.modules} == {Q: 2.5 / 2, f"{Q[:-1]}k": 8 / 2}


def test_an_alpha_of_null_does_where_the_pattern_has_each_module(tmp_path: Path) -> None:
    """PEFT reads lora_alpha only for modules that no pattern matches, and diffusers leaves it to PEFT."""
    path = tmp_path / "any.safetensors"
    covered = inspect(write_case(told(lora_alpha=None, alpha_pattern={"to_q": 2, "to_k": 6}), path))
    assert {(each["alpha"], each["scaling"]) for each in covered.modules} == {(2, 0.5), (6, 1.5)}
    assert not codes(covered)
    assert "refused-file" in codes(inspect(write_case(told(lora_alpha=None, alpha_pattern={"to_q": 2}), path)))


def test_metadata_of_megabytes_are_not_parsed(tmp_path: Path) -> None:
    """A file can have a hundred megabytes of them, which would take minutes."""
    path = write_case(told(revision="x" * 2**20), tmp_path / "any.safetensors")
    (finding,) = inspect(path).findings
    assert finding.code == "refused-file"
    assert "characters, and the LoraConfigs of a pipeline have at most 1,048,576" in finding.message


def test_a_base_that_lacks_modules_is_told_by_component(tmp_path: Path) -> None:
    """A text encoder's modules are not looked for in an image model, unless nothing else is there."""
    whole = changed(pair("text_encoder.encoder.layers.0.self_attn.q_proj", 4))
    path = write_case(whole, tmp_path / "any.safetensors")
    assert codes(inspect(path, base(tmp_path, 8))) == set()


def test_a_file_of_peft_without_its_config(tmp_path: Path) -> None:
    """It is read by the path of the file, whatever its name, and its folder is not an adapter."""
    tensors = {f"base_model.model.{key}": value for key, value in pair("layers.0.q_proj", 4).items()}
    path = write_case({"metadata": None, "tensors": tensors}, tmp_path / "adapter_model.safetensors")
    found = inspect(path)
    assert (found.format, found.r, found.alpha, found.max_rank) == ("peft", 4, None, 4)
    assert [each.code for each in found.findings if each.severity == ERROR] == ["refused-file"]
    with pytest.raises(InvalidInput, match=r"give the path of adapter_model\.safetensors to read it without alpha"):
        inspect(str(tmp_path))


def test_an_adapters_name_in_keys_of_peft_is_no_part_of_a_module(tmp_path: Path) -> None:
    """As in a `state_dict()` that was saved without `save_pretrained`: the rank is known without a config."""
    named = pair("base_model.model.layers.0.q_proj", 4, "lora_A.default.weight", "lora_B.default.weight")
    found = inspect(write_case({"metadata": None, "tensors": named}, tmp_path / "any.safetensors"))
    assert (found.format, found.method, found.r, found.adapted_modules) == ("peft", "lora", 4, 1)


def test_a_file_of_peft_with_any_name(tmp_path: Path) -> None:
    """The config beside it is its config."""
    tensors = {f"base_model.model.{key}": value for key, value in pair("layers.0.q_proj", 4).items()}
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 16, "target_modules": ["q_proj"]}
    found = inspect(write_case({"tensors": tensors, "config": config}, tmp_path / "epoch_3.safetensors"))
    assert (found.format, found.alpha, codes(found)) == ("peft", 16, set())
    assert found.adapter_bytes == (tmp_path / "epoch_3.safetensors").stat().st_size


def test_an_adapter_in_a_folder_of_its_name(tmp_path: Path) -> None:
    """PEFT saves each adapter but the default one so; of several one is chosen by its path."""
    tensors = {f"base_model.model.{key}": value for key, value in pair("layers.0.q_proj", 4).items()}
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 16, "target_modules": ["q_proj"]}
    for count, name in enumerate(("chat", "code"), 1):
        (tmp_path / name).mkdir()
        write_case({"tensors": tensors, "config": config}, tmp_path / name / "adapter_model.safetensors")
        if count == 1:
            assert inspect(str(tmp_path)).adapter == str(tmp_path / "chat")
    with pytest.raises(InvalidInput, match=r"has 2 adapters .'chat', 'code'.; give the path of one"):
        inspect(str(tmp_path))


@pytest.mark.parametrize("spelling", ["module.", "base_model.", ""])
def test_keys_without_peft_s_root_are_peft_s(spelling: str, tmp_path: Path) -> None:
    """Not those of diffusers, whose metadata would say so."""
    tensors = {f"{spelling}model.{key}": value for key, value in pair("layers.0.q_proj", 4).items()}
    found = inspect(write_case({"metadata": None, "tensors": tensors}, tmp_path / "any.safetensors"))
    assert found.format == "peft"


def test_a_base_that_lacks_modules_or_has_others(tmp_path: Path) -> None:
    """By hand: two heads of 8 are 16 wide, and of 4 are 8."""
    path = write_case(changed(pair("transformer.transformer_blocks.7.attn.to_q", 4)), tmp_path / "any.safetensors")
    found = inspect(path, base(tmp_path, 8))
    assert codes(found) == {"unknown-module"}
    assert "'transformer.transformer_blocks.7.attn.to_q'" in found.findings[0].message
    found = inspect(write_case(flux(), tmp_path / "any.safetensors"), base(tmp_path, 4))
    assert codes(found) == {"other-sides"}
    assert "16 x 16 in the file, 8 x 8 there" in found.findings[0].message


@pytest.mark.parametrize("writer", ["torchtune", "mlx"])
def test_a_trainer_s_names_are_those_of_the_base(writer: str, tmp_path: Path) -> None:
    """Torchtune calls attention and feed-forward otherwise, and mlx-lm has the names of transformers."""
    (tmp_path / "base").mkdir()
    config = {"model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3}
    config |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40, "head_dim": 4}
    (tmp_path / "base" / "config.json").write_text(json.dumps(config))
    whole = {**case(writer, "mlp" if writer == "torchtune" else "lora")}
    whole["config"] = {} if writer == "torchtune" else whole["config"]
    found = inspect(write_case(whole, tmp_path / "any.safetensors"), str(tmp_path / "base"))
    assert codes(found) == ({"missing-alpha"} if writer == "torchtune" else set())
    assert found.percent_of_full is not None


@pytest.mark.parametrize(
    ("number", "keys", "fits"),
    [(2, None, True), (1, None, False), (-1, None, True), ("2", None, True), (1, "in full", True)],
)
def test_mlx_adapts_only_the_last_layers(number: object, keys: str | None, fits: bool, tmp_path: Path) -> None:
    """By mlx-lm's `linear_to_lora_layers`: the file has layers 1 and 2 of 3."""
    (tmp_path / "base").mkdir()
    config = {"model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3}
    config |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40, "head_dim": 4}
    (tmp_path / "base" / "config.json").write_text(json.dumps(config))
    whole = case("mlx", "lora")
    parameters = dict(whole["config"]["lora_parameters"])
    if keys is not None:
        parameters["keys"] = [
            module["name"] for module in inspect(write_case(whole, tmp_path / "w.safetensors")).modules
        ]
    config = whole["config"] | {"num_layers": number, "lora_parameters": parameters}
    found = inspect(write_case({**whole, "config": config}, tmp_path / "any.safetensors"), str(tmp_path / "base"))
    assert codes(found) == (set() if fits else {"refused-file"})
    if not fits:
        assert "only the last 1 of 3 layers" in found.findings[0].message
        assert found.findings[0].remedy.startswith("set num_layers to 2 in adapter_config.json")


def test_the_remedy_of_another_rank_names_the_format_s_own_field(tmp_path: Path) -> None:
    """mlx-lm has no r and no rank_pattern."""
    damaged, _ = DAMAGES["mlx of another rank"]
    (found,) = (
        each for each in inspect(write_case(damaged, tmp_path / "any.safetensors")).findings if each.severity == ERROR
    )
    assert (found.code, found.remedy) == ("rank-mismatch", "set lora_parameters.rank to the rank in the file")
