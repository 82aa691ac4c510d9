"""The families are the files of `architectures`, each of which declares one model type."""

from __future__ import annotations

import csv
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from lora_cli.models import architectures
from lora_cli.models.config import Config
from lora_cli.models.facts import read_facts
from lora_cli.models.registry import (
    COMPONENTS,
    PACKAGE,
    UnknownArchitecture,
    component,
    family,
    find_family,
    model_types,
    modules,
)

MOST_FILES = 30
# How many models of each type the trainers unsloth, LLaMA-Factory, axolotl and ms-swift name.
TRAINERS = Path(__file__).parents[1] / "reference" / "trainer_models.csv"


@pytest.mark.parametrize(("stem", "module"), modules().items())
def test_a_file_declares_the_model_type_of_its_name(stem: str, module: str) -> None:
    """A dash in the model type is an underscore in the file name; a class of diffusers has underscores where it reads well."""
    if module.startswith(COMPONENTS):
        declared = import_module(module).COMPONENT
        assert declared.class_name.lower() == stem.replace("_", "")
        assert component(declared.class_name) is declared
        assert find_family(stem) is None
        return
    declared = import_module(module).FAMILY
    assert declared.model_type.replace("-", "_") == stem
    assert find_family(declared.model_type) is declared
    assert declared.classes


def test_a_folder_holds_at_most_thirty_files() -> None:
    """More are two kinds of model."""
    root = Path(str(architectures.__file__)).parent
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        assert len(list(folder.glob("*.py"))) <= MOST_FILES


def test_two_files_never_have_the_same_name() -> None:
    """One of them would never be found."""
    root = Path(str(architectures.__file__)).parent
    assert len([path for path in root.rglob("*.py") if path.name != "__init__.py"]) == len(modules())


@pytest.mark.parametrize(
    "model_type", ["deberta_v2", "xlm_roberta", "Llama", "__init__", "decoders", "../gpt2", "", "é"]
)
def test_a_model_type_is_spelled_exactly(model_type: str) -> None:
    """A file's name is not a model type."""
    assert find_family(model_type) is None


def test_an_unknown_model_type_gets_a_suggestion() -> None:
    """Near model types, or where they are listed."""
    with pytest.raises(UnknownArchitecture, match=r"did you mean xlm-roberta, .*roberta"):
        family("xlmroberta")
    with pytest.raises(UnknownArchitecture, match=r"the known types are afmoe, .* and \d+ more$"):
        family("#")


@pytest.mark.parametrize("class_name", ["fluxtransformer2dmodel", "flux_transformer_2d_model", "", "../x", "x" * 10**5])
def test_a_class_of_diffusers_is_spelled_exactly(class_name: str) -> None:
    """And the message names what is near, or all that are known."""
    with pytest.raises(UnknownArchitecture, match=r"_class_name .* is not known; (did you mean|the known classes are)"):
        component(class_name)


def test_only_the_wanted_family_is_imported() -> None:
    """The import of all families costs more than a count."""
    code = (
        "import sys\nfrom lora_cli.models.registry import family\nfamily('phi')\n"
        f"print(*sorted(name for name in sys.modules if name.startswith('{PACKAGE}.')))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"{PACKAGE}.decoders{rest}" for rest in ("", ".layer_norm", ".layer_norm.phi")]


@pytest.mark.parametrize("model_type", model_types())
def test_every_family_has_layers_for_prompts(model_type: str) -> None:
    """Prompt methods read them from a config.json without any other field, unless PEFT does not find them either."""
    sizes = family(model_type).sizes
    assert read_facts(Config({"model_type": model_type})).layers or not sizes.layers_names


def test_almost_every_model_that_trainers_name_is_of_a_known_type() -> None:
    """Each type weighs as much as there are entries of it."""
    with TRAINERS.open(encoding="utf-8", newline="") as file:
        entries = {row.pop("model_type"): sum(map(int, row.values())) for row in csv.DictReader(file)}
    unknown = {name: count for name, count in entries.items() if find_family(name) is None}
    assert sum(unknown.values()) <= 0.01 * sum(entries.values()), unknown
