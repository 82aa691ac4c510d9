"""The families are the files of `architectures`, each of which declares one model type."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from lora_cli.models import architectures
from lora_cli.models.config import Config
from lora_cli.models.facts import read_facts
from lora_cli.models.registry import PACKAGE, UnknownArchitecture, family, find_family, model_types, modules

MOST_FILES = 30


@pytest.mark.parametrize(("stem", "module"), modules().items())
def test_a_file_declares_the_model_type_of_its_name(stem: str, module: str) -> None:
    """A dash in the model type is an underscore in the file name."""
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
