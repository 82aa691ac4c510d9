"""Which tensor of a checkpoint a module adapts: in replicated layers, under ties, and of bare parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import Array, pair, write_adapter, write_arrays
from small_llama import llama

from lora_cli import Forward, InvalidInput, forward
from lora_cli.analysis.forward.weight_lookup import find_weight
from lora_cli.methods.adapter_file.read_adapter import read_adapter

RNG = np.random.default_rng(13)
CHECKPOINT = "model.safetensors"


def normal(*shape: int) -> Array:
    """Return normal numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


def weight_of(folder: Path, module: str, weights: str | None = None) -> str:
    """Return the name of the tensor that a module of the adapter in a folder adapts."""
    return find_weight(weights or str(folder), module, read_adapter(str(folder / "adapter"))).name


def layers(folder: Path, count: int, name: str = CHECKPOINT) -> None:
    """Write a checkpoint with one weight in each of some layers."""
    write_arrays(folder / name, {f"model.layers.{layer}.q_proj.weight": normal(8, 6) for layer in range(count)})


def replicated(folder: Path, *ranges: list[int]) -> None:
    """Write an adapter on the first three layers of what the ranges stack."""
    arrays: dict[str, Array] = {}
    for layer in range(3):
        arrays |= pair(f"model.layers.{layer}.q_proj", normal(4, 6), normal(8, 4))
    write_adapter(folder / "adapter", arrays, layer_replication=ranges)


@pytest.mark.parametrize(
    ("ranges", "taken"),
    [([[1, 2], [0, 2]], [1, 0, 1]), ([[0, 2], [1, 2]], [0, 1, 1]), ([[-2, 0], [0, 1]], [2, 3, 0]), ([], [0, 1, 2])],
)
def test_a_replicated_layer_has_the_weight_of_the_one_that_it_copies(
    tmp_path: Path, ranges: list[list[int]], taken: list[int]
) -> None:
    """PEFT stacks the base model's layers anew, and numbers them from 0."""
    layers(tmp_path, 4)
    replicated(tmp_path, *ranges)
    names = [weight_of(tmp_path, f"model.layers.{layer}.q_proj") for layer in range(3)]
    assert names == [f"model.layers.{layer}.q_proj.weight" for layer in taken]
    assert weight_of(tmp_path, "lm_head", f"{tmp_path / CHECKPOINT}:model.layers.3.q_proj.weight").startswith("model.l")


def test_a_layer_that_no_range_stacks_is_refused(tmp_path: Path) -> None:
    """The file has a layer 2, and the config stacks two."""
    layers(tmp_path, 4)
    replicated(tmp_path, [0, 2])
    with pytest.raises(InvalidInput, match=r"stacks 2 layers, and 'model\.layers\.2\.q_proj' is in none of them"):
        weight_of(tmp_path, "model.layers.2.q_proj")


def test_layers_are_counted_from_the_end_only_in_a_whole_checkpoint(tmp_path: Path) -> None:
    """The first of two shards looks like a model with fewer layers."""
    shard = "model-00001-of-00002.safetensors"
    layers(tmp_path, 4, shard)
    replicated(tmp_path, [-1, 0], [0, 2])
    with pytest.raises(InvalidInput, match="counts layers from the end"):
        weight_of(tmp_path, "model.layers.0.q_proj", str(tmp_path / shard))


def tied_head(folder: Path, *, has_config: bool) -> Forward:
    """Run the pass through a head whose weight is stored as the embeddings'."""
    write_arrays(folder / CHECKPOINT, {"model.embed_tokens.weight": normal(100, 64), "model.norm.weight": normal(64)})
    if has_config:
        (folder / "config.json").write_text(json.dumps(llama(tie_word_embeddings=True)))
    write_adapter(folder / "adapter", pair("lm_head", normal(4, 64), normal(100, 4)))
    return forward(weights=str(folder), adapter=str(folder / "adapter"), module="lm_head")


def test_a_tied_head_has_the_weight_of_the_embeddings(tmp_path: Path) -> None:
    """By the config.json beside the checkpoint."""
    assert (tied_head(tmp_path, has_config=True).d, tied_head(tmp_path, has_config=True).h) == (64, 100)
    assert weight_of(tmp_path, "lm_head") == "model.embed_tokens.weight"
    assert weight_of(tmp_path, "lm_head", str(tmp_path / CHECKPOINT)) == "model.embed_tokens.weight"


def test_without_a_config_the_cause_is_named(tmp_path: Path) -> None:
    """A checkpoint does not say what is tied."""
    with pytest.raises(InvalidInput, match=r"no tensor 'lm_head\.weight'.*tied to the embeddings"):
        tied_head(tmp_path, has_config=False)


def test_embeddings_in_the_adapters_file_replace_the_models(tmp_path: Path) -> None:
    """PEFT saves those that were resized, here to 120 rows, and loads them over the model's."""
    write_arrays(tmp_path / CHECKPOINT, {"lm_head.weight": normal(100, 64)})
    arrays = pair("lm_head", normal(4, 64), normal(120, 4)) | {"lm_head.base_layer.weight": normal(120, 64)}
    write_adapter(tmp_path / "adapter", arrays)
    assert forward(weights=str(tmp_path), adapter=str(tmp_path / "adapter"), module="lm_head").h == 120
    assert weight_of(tmp_path, "lm_head", f"{tmp_path}:lm_head.weight") == "lm_head.weight"


def through_experts(folder: Path, stored: dict[str, Array], rows: int, **fields: Any) -> Forward:
    """Run the pass through the module that holds a bare parameter."""
    write_arrays(folder / CHECKPOINT, stored)
    fields = {"target_modules": [], "target_parameters": ["mlp.experts.down_proj"], **fields}
    write_adapter(folder / "adapter", pair("mlp.experts", normal(rows, 6), normal(8, rows)), **fields)
    return forward(weights=str(folder), adapter=str(folder / "adapter"), module="experts")


@pytest.mark.parametrize(
    "stored",
    [{"mlp.experts.down_proj": normal(2, 8, 6)}, {"block_sparse_moe.experts.0.w2.weight": normal(8, 6)}],
    ids=["fused", "split"],
)
def test_fused_experts_are_named_as_the_cause(tmp_path: Path, stored: dict[str, Array]) -> None:
    """Their A and B are stacks; the weight of one expert would give a wrong number."""
    with pytest.raises(InvalidInput, match=r"'mlp\.experts' holds a stack of fused experts.*one matrix"):
        through_experts(tmp_path, stored, 8)
    with pytest.raises(InvalidInput, match="stack of fused experts"):
        through_experts(tmp_path, stored, 8, target_parameters=["down_proj"])


def test_a_bare_parameter_of_two_dimensions_is_a_weight(tmp_path: Path) -> None:
    """PEFT names its A and B after the module that holds it."""
    found = through_experts(tmp_path, {"mlp.experts.down_proj": normal(8, 6)}, 4)
    assert (found.d, found.h, found.r) == (6, 8, 4)


def test_a_grouped_convolution_is_named_as_the_cause(tmp_path: Path) -> None:
    """PEFT adapts it, with B in groups, but does not merge it."""
    write_arrays(tmp_path / CHECKPOINT, {"conv.weight": normal(8, 4, 3, 3)})
    write_adapter(tmp_path / "adapter", pair("conv", normal(4, 8, 3, 3), normal(8, 2, 1, 1)))
    with pytest.raises(InvalidInput, match="'conv' is a convolution in 2 groups, which PEFT cannot merge"):
        forward(weights=str(tmp_path), adapter=str(tmp_path / "adapter"), module="conv")
