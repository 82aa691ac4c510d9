"""Every registry, walked: each declaration is whole, has a name of its own and stands where users look for it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import readme
import typer

import lora_cli.methods.adapter_file.formats
import lora_cli.methods.catalogue
import lora_cli.models.architectures
import lora_cli.output.formats
import lora_cli.output.plots.answers
from lora_cli import Count, check, fit
from lora_cli.analysis.inspect.findings.declaration import SEVERITIES
from lora_cli.analysis.inspect.findings.registry import FINDINGS
from lora_cli.analysis.limits import LIMITS
from lora_cli.cli.application import application
from lora_cli.cli.registry import command_names, has_plot
from lora_cli.methods import METHODS, method_named
from lora_cli.methods.adapter_file import format_registry
from lora_cli.methods.registry import home
from lora_cli.methods.variants import VARIANTS
from lora_cli.models.checkpoints.packings import PACKINGS
from lora_cli.models.registry import family, model_types, modules
from lora_cli.output.registry import format_named, format_names, formats_of

README = readme.README.read_text(encoding="utf-8")
COMMANDS = command_names()


def files(package: ModuleType) -> set[str]:
    """Return the modules within a package, by name."""
    folder = Path(str(package.__file__)).parent
    paths = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.stem != "__init__")
    return {".".join((package.__name__, *path.parts)) for path in paths}


@cache
def parameters(command: str) -> Iterable[Any]:
    """Return the arguments and options of a command, as Typer has them."""
    app: Any = typer.main.get_command(application(command))
    return [parameter for parameter in app.params if parameter.name != "help"]


def test_every_file_of_a_catalogue_is_in_its_registry() -> None:
    """And the other way round: methods, families and formats."""
    assert files(lora_cli.methods.catalogue) == {home(name) for name in METHODS}
    assert files(lora_cli.models.architectures) == set(modules().values())
    assert {name.rsplit(".", 1)[-1] for name in files(lora_cli.output.formats)} == set(format_names())


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_whole(name: str) -> None:
    """It has a title and a formula, and its knob is a field."""
    method = method_named(name)
    assert (method.name, method.peft_type) == (name, name.upper())
    assert method.title
    assert method.formula
    assert method.knob is None or method.knob in {"r", *method.fields}
    assert len({*METHODS, *VARIANTS}) == len(METHODS) + len(VARIANTS)


@pytest.mark.parametrize("model_type", model_types())
def test_a_model_type_is_whole(model_type: str) -> None:
    """Its family declares at least one class, each by the name that transformers has."""
    declared = family(model_type)
    assert declared.model_type == model_type
    assert declared.classes
    assert all(name[:1].isupper() and callable(build) for name, build in declared.classes.items())


@pytest.mark.parametrize("name", format_names())
def test_a_format_is_whole(name: str) -> None:
    """It has a writer, and the help of --format names it where it can be chosen."""
    assert callable(format_named(name).write)
    for command in COMMANDS if name in formats_of(judged=False) else ("check",):
        (option,) = (parameter for parameter in parameters(command) if parameter.name == "format")
        assert name in option.help


def test_every_format_of_adapter_files_is_whole() -> None:
    """It has the name of its file, a title, and what recognises a key; each but PEFT's says what converts it."""
    names = format_registry.format_names()
    assert {name.rsplit(".", 1)[-1] for name in files(lora_cli.methods.adapter_file.formats)} == set(names)
    assert names[0] == format_registry.PEFT
    for name in names:
        declared = format_registry.format_named(name)
        assert declared.name == name
        assert declared.title
        assert declared.part("") is declared.part("model.layers.0.mlp.up_proj.weight") is None
        assert declared.instead or name == format_registry.PEFT


def test_what_can_be_drawn_is_drawn() -> None:
    """A command has the option --plot where it says so, and each plot is of one of these."""
    with_option = {command for command in COMMANDS for each in parameters(command) if "--plot" in each.opts}
    assert with_option == set(filter(has_plot, COMMANDS)) == {"sweep", "fit", "memory", "inspect"}
    assert len(files(lora_cli.output.plots.answers)) == len(with_option)


@pytest.mark.parametrize("code", FINDINGS)
def test_a_finding_is_whole(code: str) -> None:
    """It has a severity and a remedy; README explains it (test_readme.py)."""
    assert FINDINGS[code].severity in SEVERITIES
    assert FINDINGS[code].remedy
    assert code == code.lower()


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_whole(name: str) -> None:
    """It is of a field of counts, an argument of `check`, an option of the command, and in README."""
    limit = LIMITS[name]
    assert limit.field in Count.__annotations__ or hasattr(Count, limit.field)
    assert name in inspect.signature(check).parameters
    assert (name in inspect.signature(fit).parameters) == limit.is_budget
    assert f"--{limit.rule}" in {name for parameter in parameters("check") for name in parameter.opts}
    assert f"`--{limit.rule}`" in README or f"--{limit.rule} " in README


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_whole(command: str) -> None:
    """Each has one name of its own, and a sentence of help that README shows, of a pair with both options."""
    names = [name for parameter in parameters(command) for name in parameter.opts]
    assert len(names) == len(set(names))
    for parameter in parameters(command):
        assert parameter.help.endswith((".", "]")), parameter.opts
        pair = [name.replace("--", "--[no-]") for name in parameter.opts if parameter.secondary_opts]
        assert not pair or parameter.secondary_opts == [name.replace("--", "--no-") for name in parameter.opts]
        shown = pair or parameter.opts
        assert all(name in README for name in shown if name.startswith("--"))


def test_packings_are_whole() -> None:
    """Each has a name of its own, and what is unpacked has a name to be found by."""
    assert len({packing.name for packing in PACKINGS}) == len(PACKINGS)
    assert all(packing.unpack is None or packing.names for packing in PACKINGS)
