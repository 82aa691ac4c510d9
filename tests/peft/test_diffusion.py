"""The classes of diffusers against diffusers and PEFT: names, shapes and kinds, LoRA and every other method, and files."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from lora_cli import InvalidInput
from lora_cli.analysis.count.model_count import count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.registry import class_names
from lora_cli.models.sources.read_model import read_model

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import drawn
import methods
from seed import SEED

pytest.importorskip("diffusers", reason="diffusers is not installed; it is in the extra peft")
import components

CONFIGS, SAVED, STORED, OF_A_METHOD = 20, 6, 2, 3


@pytest.mark.parametrize("class_name", class_names())
@pytest.mark.parametrize("turn", range(CONFIGS))
def test_a_model_is_what_diffusers_builds(class_name: str, turn: int) -> None:
    """Every parameter's name and shape, every module's name and kind, and the total are diffusers'."""
    config = drawn.draw(class_name, (), random.Random(f"{SEED}/{class_name}/{turn}"))
    context = f"seed {SEED}: {config}"
    try:
        theirs = drawn.build(config)
    except (ValueError, TypeError, IndexError, AssertionError) as error:
        with pytest.raises(InvalidInput):
            pytest.fail(f"{context} {error!r} {read_config(Config(config), 'drawn').full_params}")
        return
    ours = read_config(Config(config), "drawn")
    assert {parameter.name: parameter.shape for parameter in ours.all_parameters()} == drawn.shapes(theirs), context
    assert set(ours.module_names) == drawn.names(theirs), context
    assert {module.name for module in ours.hollow if module.is_list} == drawn.lists(theirs), context
    assert {module.name: module.kind for module in ours.modules} == drawn.kinds(theirs), context
    assert ours.full_params == drawn.total(theirs), context


@pytest.mark.parametrize("class_name", class_names())
def test_what_is_missing_in_a_config_is_diffusers_default(class_name: str) -> None:
    """As in the `__init__` of the class."""
    config = {"_class_name": class_name}
    theirs = drawn.build(config)
    ours = read_config(Config(config), "default")
    assert {parameter.name: parameter.shape for parameter in ours.all_parameters()} == drawn.shapes(theirs)


@pytest.mark.parametrize("class_name", class_names())
@pytest.mark.parametrize("turn", range(CONFIGS))
def test_a_config_counts_as_peft_counts_it(class_name: str, turn: int) -> None:
    """Trainable, all and the names of the adapted places are PEFT's, and what PEFT refuses is refused."""
    config, adapter = adapters.drawn_case(class_name, random.Random(f"{SEED}/{class_name}/{turn}"))
    theirs = adapters.theirs(config, adapter)
    ours: tuple[int, int, list[str]] | None = None
    refusal = None
    try:
        lora, _ = read_adapter_config(Config(adapter, "adapter_config.json"))
        cost = count_model(read_config(Config(config), "drawn"), lora)
        ours = (cost.trainable_params, cost.all_params, sorted(place.module.name for place in cost.targets.places))
    except InvalidInput as error:
        refusal = error
    expected = None if isinstance(theirs, Exception) else theirs
    assert ours == expected, f"seed {SEED}: {config} {adapter} {theirs!r} {refusal!r}"


@pytest.mark.parametrize("class_name", class_names())
@pytest.mark.parametrize("turn", range(SAVED))
def test_a_saved_adapter_holds_the_tensors_that_are_counted(class_name: str, turn: int, tmp_path: Path) -> None:
    """Each key, type and shape is that of the file that `save_pretrained` writes, and so is its size."""
    source = random.Random(f"{SEED}/saved/{class_name}/{turn}")
    config, adapter = adapters.drawn_case(class_name, source)
    config["dtype"] = source.choice([None, None, "float32", "bfloat16"])
    try:
        lora, _ = read_adapter_config(Config(adapter, "adapter_config.json"))
        cost = count_model(read_config(Config(config), "drawn"), lora)
    except InvalidInput:
        return
    if cost.file_tensors is None:
        with pytest.raises(NotImplementedError):
            adapters.saved(config, adapter, tmp_path)
        return
    ours = {key: (tensor.dtype, list(tensor.stored)) for key, tensor in cost.file_tensors.items()}
    assert ours == adapters.saved(config, adapter, tmp_path), f"seed {SEED}: {config} {adapter}"
    assert cost.adapter_bytes == (tmp_path / "adapter_model.safetensors").stat().st_size


@pytest.mark.parametrize("class_name", class_names())
@pytest.mark.parametrize("turn", range(STORED))
def test_a_saved_component_is_confirmed(class_name: str, turn: int, tmp_path: Path) -> None:
    """The headers of its own folder hold what its config.json describes, in one file or in shards."""
    source = random.Random(f"{SEED}/stored/{class_name}/{turn}")
    config, _ = adapters.drawn_model(class_name, source)
    component = drawn.build(config, "cpu")
    component.save_pretrained(tmp_path, max_shard_size=source.choice(["20KB", "5GB"]))
    assert json.loads((tmp_path / "config.json").read_text())["_class_name"] == class_name
    read = read_model(str(tmp_path))
    assert (read.full_params, read.warnings) == (drawn.total(component), ()), f"seed {SEED}: {config}"


@pytest.mark.parametrize("method", components.METHODS)
@pytest.mark.parametrize("turn", range(OF_A_METHOD))
def test_a_method_counts_as_peft_counts_it(method: str, turn: int) -> None:
    """Trainable, all and the file's bytes are PEFT's, and what PEFT refuses is refused."""
    source = random.Random(f"{SEED}/components/{method}/{turn}")
    config, adapter = components.drawn_case(method, source.choice(class_names()), source)
    ours, theirs = methods.ours(config, adapter), methods.theirs(config, adapter)
    context = f"seed {SEED}: {config} {adapter} {theirs!r} {ours!r}"
    if isinstance(ours, InvalidInput) or isinstance(theirs, Exception):
        assert isinstance(ours, InvalidInput) == isinstance(theirs, Exception), context
        return
    assert ours == (theirs if ours[2] is not None else (*theirs[:2], None)), context
