"""What PEFT loads has no error, and what it does not load is explained by its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import Array, pair, write_adapter, write_arrays
from small_llama import llama
from small_models import MIXTRAL, model

from lora_cli import Inspection, inspect
from lora_cli.analysis.inspect.findings.declaration import ERROR
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

R = 4
WIDTH, ROWS = 64, 100
LAYERS = [f"model.layers.{layer}.self_attn.q_proj" for layer in (0, 1)]


def values(*shape: int) -> Array:
    """Return numbers that are neither 0 nor special."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("<f4")


def base(**fields: Any) -> Model:
    """Return a Llama of two layers, 64 wide, with 100 tokens and a head of its own."""
    return read_config(Config(llama(architectures=["LlamaForCausalLM"], **fields)), "base")


def factors(r: int = R) -> dict[str, Array]:
    """Return LoRA's tensors on q_proj in both layers."""
    return {key: array for name in LAYERS for key, array in pair(name, values(r, WIDTH), values(WIDTH, r)).items()}


def errors(found: Inspection) -> dict[str, str]:
    """Return the message and the remedy of each error, by code."""
    return {each.code: f"{each.message}; {each.remedy}" for each in found.findings if each.severity == ERROR}


def inspected(tmp_path: Path, arrays: Mapping[str, Array], subject: Model | None, **config: Any) -> Inspection:
    """Return the inspection of an adapter of these tensors."""
    return inspect(write_adapter(tmp_path / "adapter", arrays, **config), subject)


def test_a_model_of_another_size_is_one_finding(tmp_path: Path) -> None:
    """Where no module fits, neither layers nor shapes are listed; the base of the config is named, if it is another."""
    wide = base(hidden_size=128, num_hidden_layers=3)
    names = {"base_model_name_or_path": "org/own"}
    found = errors(inspected(tmp_path, factors(), wide, **names))
    assert list(found) == ["other-model"]
    assert "no module of the file fits 'base': e.g. 'base_model.model.model.layers.0" in found["other-model"]
    assert "is 4 x 64 in the file, and 4 x 128 there" in found["other-model"]
    assert found["other-model"].endswith("its config names the base model 'org/own'; give that as model")
    own = errors(inspected(tmp_path, factors(), wide, base_model_name_or_path="base"))
    assert own["other-model"].endswith("128 there; give the base model that it was trained with")
    without_prefix = {f"model.{key}": array for key, array in factors().items()}
    assert list(errors(inspected(tmp_path, without_prefix, wide, **names))) == ["other-model"]


def test_a_module_that_fits_is_of_this_model(tmp_path: Path) -> None:
    """Nor is it another model where ranks, the order of sizes or the config's own sizes differ."""
    odd = factors() | pair(LAYERS[0], values(R, 48), values(WIDTH, R))
    assert list(errors(inspected(tmp_path, odd, base()))) == ["shape-mismatch"]
    turned = {key: array.T if "lora_B" in key else array for key, array in factors().items()}
    assert list(errors(inspected(tmp_path, turned, base()))) == ["shape-mismatch"]
    assert list(errors(inspected(tmp_path, factors(8), base()))) == ["rank-mismatch"]
    blocks = {f"{name}.oft_R.weight": values(8, 28) for name in LAYERS}
    config = {"peft_type": "OFT", "oft_block_size": 16, "r": 0}
    assert list(errors(inspected(tmp_path, blocks, base(), **config))) == ["shape-mismatch"]


def test_the_tensors_of_another_method_are_no_other_model(tmp_path: Path) -> None:
    """Whatever the model is, the config's method has none of the file's tensors."""
    for subject in (base(), base(hidden_size=128), None):
        found = errors(inspected(tmp_path, factors(), subject, peft_type="VERA"))
        assert list(found) == ["unknown-tensor"]
        assert "do not belong to VERA, the method in the config" in found["unknown-tensor"]


def test_saved_embeddings_belong_to_the_model(tmp_path: Path) -> None:
    """PEFT saves both where the vocabulary was resized, and with save_embedding_layers; they are not trained."""
    arrays = factors() | {"model.embed_tokens.weight": values(ROWS, WIDTH), "lm_head.weight": values(ROWS, WIDTH)}
    for subject in (base(), None):
        found = inspected(tmp_path, arrays, subject)
        assert not errors(found)
        assert found.trainable_params == 2 * R * 2 * WIDTH
        assert "with a vocabulary of 100" in found.findings[0].message


def test_another_vocabulary_is_named_with_its_cure(tmp_path: Path) -> None:
    """Also beside adapters of the embeddings and the head."""
    arrays = factors() | {"model.embed_tokens.weight": values(107, WIDTH), "lm_head.weight": values(107, WIDTH)}
    found = errors(inspected(tmp_path, arrays, base()))
    assert list(found) == ["vocabulary-mismatch"]
    assert "a vocabulary of 107, and 'base' has one of 100" in found["vocabulary-mismatch"]
    assert "resize_token_embeddings(107)" in found["vocabulary-mismatch"]
    arrays = {
        "lm_head.base_layer.weight": values(107, WIDTH),
        "model.embed_tokens.base_layer.weight": values(107, WIDTH),
        "model.embed_tokens.lora_embedding_A": values(R, 107),
        "model.embed_tokens.lora_embedding_B": values(WIDTH, R),
        **pair("lm_head", values(R, WIDTH), values(107, R)),
    }
    targets = ["embed_tokens", "lm_head"]
    found = errors(inspected(tmp_path, arrays, base(), target_modules=targets))
    assert list(found) == ["vocabulary-mismatch"]
    assert "4 tensors" in found["vocabulary-mismatch"]
    assert not errors(inspected(tmp_path, arrays, base(vocab_size=107), target_modules=targets))


def test_the_frozen_weight_of_adapted_embeddings_may_be_left_out(tmp_path: Path) -> None:
    """`save_embedding_layers=False` leaves it out, and the base model has it."""
    arrays = pair("lm_head", values(R, WIDTH), values(ROWS, R))
    assert not errors(inspected(tmp_path, arrays, base(), target_modules=["lm_head"]))


@pytest.mark.parametrize("start", ["pissa", "pissa_niter_4", "olora", "loftq"])
@pytest.mark.parametrize("subject", [base(), None], ids=["base", "alone"])
def test_a_rank_that_the_start_clips_is_right(start: str, subject: Model | None, tmp_path: Path) -> None:
    """A decomposition has no more directions than the weight; the config keeps the rank that was asked for."""
    loftq = {"loftq_config": {"loftq_bits": 4, "loftq_iter": 1}}
    found = inspected(tmp_path, factors(WIDTH), subject, r=80, init_lora_weights=start, **loftq)
    assert not errors(found)
    assert found.expected_params == found.file_params
    assert "rank-mismatch" in errors(inspected(tmp_path, factors(WIDTH), None, r=80))


def test_full_copies_are_known_by_the_ends_of_names(tmp_path: Path) -> None:
    """As PEFT matches them, so that norm copies input_layernorm too; without a model as well."""
    arrays = factors() | {"model.layers.0.input_layernorm.weight": values(WIDTH), "model.norm.weight": values(WIDTH)}
    assert not errors(inspected(tmp_path, arrays, None, modules_to_save=["norm"]))
    assert "unknown-tensor" in errors(inspected(tmp_path, arrays, None, modules_to_save=["lm_head"]))


def _old_experts(r: int = 2) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for layer in range(2):
        for expert in range(3):
            stem = f"model.layers.{layer}.block_sparse_moe.experts.{expert}"
            arrays |= pair(f"{stem}.w1", values(r, WIDTH), values(96, r))
            arrays |= pair(f"{stem}.w3", values(r, WIDTH), values(96, r))
            arrays |= pair(f"{stem}.w2", values(r, 96), values(WIDTH, r))
        arrays |= pair(f"model.layers.{layer}.block_sparse_moe.gate", values(r, WIDTH), values(3, r))
    return arrays


def test_the_experts_of_an_old_adapter_are_fused_as_peft_fuses_them(tmp_path: Path) -> None:
    """w1 and w3 of double rank, block by block; an expert that is missing, or of another rank, is found."""
    config: dict[str, Any] = {"r": 2, "target_modules": ["gate", "w1", "w2", "w3"]}
    arrays = _old_experts()
    subject = model("mixtral", architectures=["MixtralForCausalLM"])
    assert MIXTRAL["num_local_experts"] == 3
    for old in (subject, None):
        assert not errors(inspected(tmp_path, arrays, old, **config))
    fewer = {key: array for key, array in arrays.items() if ".experts.2." not in key}
    assert "shape-mismatch" in errors(inspected(tmp_path, fewer, subject, **config))
    uneven = arrays | pair("model.layers.0.block_sparse_moe.experts.1.w2", values(3, 96), values(WIDTH, 3))
    assert {"unknown-tensor", "missing-tensor"} <= errors(inspected(tmp_path, uneven, subject, **config)).keys()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (".q_proj.lora_", ".q_proj_", "the adapter's name lora is cut out of them"),
        (".weight", ".style.weight", "the adapter's name is in them"),
    ],
)
def test_the_adapters_name_in_the_keys_is_the_cause(old: str, new: str, said: str, tmp_path: Path) -> None:
    """With the model and without, and nothing else is wrong."""
    arrays = {key.replace(old, new): array for key, array in factors().items()}
    for subject in (base(), None):
        found = errors(inspected(tmp_path, arrays, subject))
        assert list(found) == ["wrong-prefix"]
        assert said in found["wrong-prefix"]


@pytest.mark.parametrize(
    ("old", "new", "rename"),
    [
        ("model.layers", "model.language_model.layers", "rename 'model.language_model.layers' to 'model.layers'"),
        ("model.layers", "layers", "rename 'base_model.model' to 'base_model.model.model'"),
        ("model.layers", "transformer.h", "rename 'transformer.h' to 'model.layers'"),
    ],
)
def test_another_prefix_is_named(old: str, new: str, rename: str, tmp_path: Path) -> None:
    """Which parts to rename, instead of another model."""
    arrays = {key.replace(old, new): array for key, array in factors().items()}
    found = errors(inspected(tmp_path, arrays, base()))
    assert list(found) == ["wrong-prefix"]
    assert rename in found["wrong-prefix"]
    assert "another prefix on 'base'" in found["wrong-prefix"]


def test_another_layer_is_not_another_prefix(tmp_path: Path) -> None:
    """A file of layers that the model does not have is not renamed to those that it has."""
    arrays = {key.replace("layers.1", "layers.7"): array for key, array in factors().items()}
    assert {"unknown-tensor", "missing-tensor"} == errors(inspected(tmp_path, arrays, base())).keys()


def test_torchtunes_names_are_named(tmp_path: Path) -> None:
    """Its own names of layers, attention and factors."""
    arrays = {
        f"layers.{layer}.attn.q_proj.lora_{side}.weight": array
        for layer in (0, 1)
        for side, array in (("a", values(R, WIDTH)), ("b", values(WIDTH, R)))
    }
    folder = Path(write_adapter(tmp_path / "tune", {}))
    write_arrays(folder / "adapter_model.safetensors", arrays)
    for subject in (base(), None):
        found = errors(inspect(folder, subject))
        assert list(found) == ["other-format"]
        assert "its keys are those of torchtune" in found["other-format"]
        assert "tune_to_peft_adapter_weights" in found["other-format"]


@pytest.mark.parametrize("subject", [base(), None], ids=["base", "alone"])
def test_a_transposed_pair_gives_no_advice_on_ranks(subject: Model | None, tmp_path: Path) -> None:
    """The config's rank is the other side of both."""
    found = inspected(tmp_path, {key: array.T for key, array in factors().items()}, subject)
    assert [finding.code for finding in found.findings] == ["shape-mismatch"]
    assert "transposed A and B: A is 64 x 4, B is 4 x 64" in found.findings[0].message


@pytest.mark.parametrize("subject", [base(), None], ids=["base", "alone"])
@pytest.mark.parametrize("shape", [(0,), (0, WIDTH), (R, 0)])
def test_empty_tensors_give_no_advice_on_shapes(shape: tuple[int, ...], subject: Model | None, tmp_path: Path) -> None:
    """ZeRO-3 has not gathered them; their shape means nothing."""
    arrays = factors() | {f"{LAYERS[0]}.lora_A.weight": np.zeros(shape, "<f4")}
    found = inspected(tmp_path, arrays, subject)
    assert [finding.code for finding in found.findings] == ["empty-tensor"]


def test_the_old_paths_of_a_model_with_a_tower_are_peft_s_own(tmp_path: Path) -> None:
    """PEFT renames them on LLaVA-like types, with its root and without; on others it skips them."""
    arrays = {key.replace("model.layers", "language_model.model.layers"): array for key, array in factors().items()}
    subject = base()
    moved = replace(
        subject,
        model_type="llava",
        nodes=tuple(
            node._replace(name=node.name.replace("model.layers", "model.language_model.layers"))
            for node in subject.nodes
        ),
    )
    assert not errors(inspected(tmp_path, arrays, moved))
    assert list(errors(inspected(tmp_path, arrays, replace(moved, model_type="qwen2_vl")))) == ["wrong-prefix"]


def test_the_weight_that_a_targeted_head_brings_is_named(tmp_path: Path) -> None:
    """What put it there decides the remedy."""
    frozen = {"lm_head.base_layer.weight": values(ROWS, WIDTH), **pair("lm_head", values(R, WIDTH), values(ROWS, R))}
    copied = factors() | {"lm_head.weight": values(ROWS, WIDTH)}
    for arrays, config, said in (
        (frozen, {"target_modules": ["lm_head"]}, "such a target makes PEFT save the frozen weight too"),
        (copied, {"modules_to_save": ["lm_head"]}, "drop them from modules_to_save"),
        (copied, {}, "PEFT saves them where the vocabulary was resized"),
    ):
        found = inspected(tmp_path, arrays, base(), **config)
        remedies = {each.code: each.remedy for each in found.findings}
        assert said in remedies["full-embeddings"]


def test_patterns_match_the_parameters_of_experts(tmp_path: Path) -> None:
    """As PEFT writes them for all-linear on a mixture: `gate_up_proj` holds two modules, at twice the rank."""
    subject = model("mixtral", architectures=["MixtralForCausalLM"])
    own = {"target_modules": ["q_proj"], "target_parameters": ["gate_up_proj", "down_proj", "gate.weight"]}
    patterns = {"rank_pattern": {r".*\.gate_up_proj": 2 * R}, "alpha_pattern": {r".*\.gate_up_proj": 16}}
    arrays: dict[str, Array] = {}
    for layer in (0, 1):
        block = f"model.layers.{layer}"
        arrays |= pair(f"{block}.mlp.experts.base_layer", values(6 * R, 64), values(192, 6 * R))
        arrays |= pair(f"{block}.mlp.experts", values(3 * R, 96), values(64, 3 * R))
        arrays |= pair(f"{block}.mlp.gate", values(R, 64), values(3, R))
        arrays |= pair(f"{block}.self_attn.q_proj", values(R, 64), values(64, R))
    for base_model in (subject, None):
        assert not inspected(tmp_path, arrays, base_model, **own, **patterns).findings
    wrong = {"rank_pattern": {r".*\.experts\.up_proj": 2}}
    for base_model in (subject, None):
        found = inspected(tmp_path, arrays, base_model, **own, **wrong)
        assert r"rank_pattern '.*\.experts\.up_proj' matches nothing" in {each.message for each in found.findings}
