"""Checkpoints that transformers itself writes: confirmed beside their config.json, and read without it."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest
import transformers

from lora_cli.dtypes import torch_name
from lora_cli.models.checkpoints.packings import BUFFERS
from lora_cli.models.registry import model_types
from lora_cli.models.sources.read_model import read_model

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import drawn
from seed import SEED, turns

CONFIGS = 4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("has_float32", [False, True])
@pytest.mark.parametrize("shard", ["5GB", "5KB"])
def test_a_model_whose_config_names_no_type_has_its_checkpoints(
    tmp_path: Path, dtype: str, shard: str, *, has_float32: bool
) -> None:
    """As transformers loads it, also where the checkpoint holds two types."""
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 40, **sizes}
    model = drawn.build({**config, "dtype": dtype}, "cpu")
    if has_float32:
        model.lm_head.float()
    model.save_pretrained(tmp_path, max_shard_size=shard)
    fields = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**fields, "dtype": None}))
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).dtype
    for source in (tmp_path, tmp_path / "config.json"):
        assert f"torch.{torch_name(read_model(str(source)).dtype)}" == str(loaded)


@pytest.mark.parametrize("model_type", model_types())
@pytest.mark.parametrize("turn", turns(CONFIGS))
def test_a_saved_model_is_confirmed_and_read_by_its_shapes(model_type: str, turn: int, tmp_path: Path) -> None:
    """Beside its config.json no difference is found; without, the total and the kinds of its modules are the same."""
    config = drawn.draw(model_type, adapters.classes(model_type), random.Random(f"{SEED}/{model_type}/{turn}"))
    drawn.build(config, "cpu").save_pretrained(tmp_path, max_shard_size=random.Random(turn).choice(["20KB", "5GB"]))
    context = f"seed {SEED}: {config}"
    described = read_model(str(tmp_path))
    assert described.warnings == (), context
    (tmp_path / "config.json").unlink()
    stored = read_model(str(tmp_path))
    # A name that is a buffer's in most models is taken for one.
    taken = {p.name for p in described.all_parameters() if p.name.rpartition(".")[2] in BUFFERS}
    left_out = sum(p.params for p in described.all_parameters() if p.name in taken | set(described.unsaved))
    assert stored.full_params == described.full_params - left_out, context
    ours = {module.name: module for module in stored.modules}
    tied = {name.removesuffix(".weight") for name in {*described.tied, *described.unsaved}}
    # Shapes do not tell groups from channels, nor names types, and an empty matrix is no module.
    theirs = {
        module.name: module._replace(d=module.d // module.groups, groups=1, dtype=None)
        for module in described.modules
        if module.name not in tied and module.weight_params
    }
    renamed = {p.name for p in stored.all_parameters()} - {p.name for p in described.all_parameters()}
    assert {name: ours[name] for name in ours.keys() & theirs.keys()} == {
        name: theirs[name] for name in ours.keys() & theirs.keys()
    }, context
    assert renamed or ours.keys() == theirs.keys(), context
