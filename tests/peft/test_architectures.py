"""Every family against transformers itself: names, shapes, kinds, ties and totals on drawn configs."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
import transformers
from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

from lora_cli.models.config import Config
from lora_cli.models.family import GENERATING_CLASSES
from lora_cli.models.model import read_config
from lora_cli.models.registry import family, model_types

sys.path.insert(0, str(Path(__file__).parent))
import drawn
from seed import SEED, turns

CONFIGS = 30


def classes(model_type: str) -> list[str]:
    """Return the classes that a family can be built as."""
    return list(family(model_type).classes)


@pytest.mark.parametrize("model_type", model_types())
@pytest.mark.parametrize("turn", turns(CONFIGS))
def test_a_model_is_what_transformers_builds(model_type: str, turn: int) -> None:
    """Every parameter's name and shape, every module's name and kind, the ties and the total are transformers'."""
    config = drawn.draw(model_type, classes(model_type), random.Random(f"{SEED}/{model_type}/{turn}"))
    theirs = drawn.build(config)
    ours = read_config(Config(config), "drawn")
    context = f"seed {SEED}: {config}"
    assert {parameter.name: parameter.shape for parameter in ours.all_parameters()} == drawn.shapes(theirs), context
    assert set(ours.module_names) == drawn.names(theirs), context
    assert {module.name for module in ours.hollow if module.is_list} == drawn.lists(theirs), context
    assert {module.name: module.kind for module in ours.modules} == drawn.kinds(theirs), context
    assert dict(ours.tied) == dict(theirs.all_tied_weights_keys), context
    assert ours.full_params == drawn.total(theirs), context
    assert ours.embeddings == drawn.embeddings(theirs), context
    output = theirs.get_output_embeddings()
    named = [name for name, module in theirs.named_modules() if module is output]
    assert ours.output == (named[0] if named and output is not None else None), context


@pytest.mark.parametrize("model_type", model_types())
def test_a_class_generates_text_where_transformers_class_does(model_type: str) -> None:
    """PEFT asks for `prepare_inputs_for_generation` where the task is to generate."""
    theirs = {
        name: hasattr(getattr(transformers, name), "prepare_inputs_for_generation") for name in classes(model_type)
    }
    assert {name: name.endswith(GENERATING_CLASSES) for name in classes(model_type)} == theirs


@pytest.mark.parametrize("model_type", model_types())
def test_the_body_of_a_family_is_what_transformers_makes_of_a_section(model_type: str) -> None:
    """A model of several parts builds each of them by `AutoModel`."""
    declared = family(model_type)
    named = MODEL_MAPPING_NAMES.get(model_type)
    if named in declared.classes:
        assert declared.body is declared.classes[named]
