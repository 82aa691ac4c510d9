"""What a command loads: the cause of its speed, pinned where a timed test would be noise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pkgutil import iter_modules

import pytest

from lora_cli.cli import commands
from lora_cli.methods import METHODS
from lora_cli.methods.registry import home
from lora_cli.output import format_names

HEAVY = (
    "numpy",
    "rich",
    "pydantic",
    "safetensors",
    "torch",
    "huggingface_hub",
    "httpx",
    "httpx2",
    "matplotlib",
    "yaml",
)


def loaded(code: str, among: Sequence[str] = HEAVY) -> set[str]:
    """Return which of some modules, by default the heavy packages, a fresh interpreter has loaded after `code`."""
    code += f"\nimport sys\nprint(*({set(among)!r} & sys.modules.keys()), file=sys.stderr)"
    # Measuring coverage would load modules of its own.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def command(*arguments: str) -> str:
    """Return code that runs a command line."""
    return f"from lora_cli.cli import main; main({list(arguments)!r})"


def test_the_public_api_loads_nothing_heavy() -> None:
    """Importing every public name costs neither NumPy nor Rich."""
    assert loaded("from lora_cli import *") == set()


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "plain", "markdown"])
def test_a_count_loads_nothing_heavy(format: str) -> None:
    """A count in any format but the table costs neither NumPy, Rich nor pydantic."""
    assert loaded(command("count", "-d", "8", "-h", "8", "-r", "2", "--format", format)) == set()


def test_a_run_loads_its_own_format_alone() -> None:
    """The other formats are read for help and for errors."""
    modules = [f"lora_cli.output.formats.{name}" for name in format_names()]
    one = command("count", "-d", "8", "-h", "8", "-r", "2", "--format", "csv")
    assert loaded(one, modules) == {"lora_cli.output.formats.csv"}


def test_a_model_loads_nothing_heavy() -> None:
    """The largest model costs neither NumPy nor Rich, and imports its own family alone."""
    code = command("count", "--model", "llama-3.1-405b", "--target", "all-linear", "--format", "json")
    code += "\nimport sys\nassert 'lora_cli.models.architectures.decoders.layer_norm.gpt2' not in sys.modules"
    assert loaded(code) == set()


def test_one_matrix_imports_nothing_of_models() -> None:
    """What only a model needs is not on the way of one matrix."""
    code = command("count", "-d", "8", "-h", "8", "-r", "2", "--format", "json")
    code += "\nimport sys\nassert not {'lora_cli.methods.targeting.targets', 'lora_cli.models.config', 'lora_cli.models.sources.preset', 'lora_cli.models.sources.hub_cache', 'dataclasses'} & sys.modules.keys()"
    assert loaded(code) == set()


def test_a_check_loads_nothing_heavy() -> None:
    """A check costs what a count costs."""
    assert loaded(command("check", "-d", "8", "-h", "8", "-r", "2", "--max-params", "1K")) == set()


def test_a_check_without_a_loader_loads_none() -> None:
    """Only their names are on the way, for the help of the option."""
    loaders = ("lora_cli.analysis.loaders.destination", "lora_cli.analysis.loaders.catalogue.peft")
    assert loaded(command("check", "-d", "8", "-h", "8", "-r", "2", "--max-params", "1K"), loaders) == set()


def test_settings_and_locks_are_checks_alone() -> None:
    """No other command looks for a pyproject.toml, and a check without a lock loads nothing of locks."""
    assert (
        loaded(command("count", "-d", "8", "-h", "8", "-r", "2"), ("tomllib", "lora_cli.cli.pyproject_settings"))
        == set()
    )
    check = command("check", "-d", "8", "-h", "8", "-r", "2", "--max-params", "1K")
    assert loaded(check, ("lora_cli.analysis.check.lock", "lora_cli.analysis.check.lock_keys")) == set()


def test_a_fit_loads_nothing_heavy() -> None:
    """A search costs arithmetic alone, and no method but the one that is fitted."""
    code = command("fit", "--model", "gpt2", "--max-params", "1M", "--format", "json")
    assert loaded(code) == set()
    assert loaded(code, list(map(home, METHODS))) == {"lora_cli.methods.catalogue.lora.lora"}


def test_a_training_loads_nothing_heavy() -> None:
    """A replay is arithmetic on sizes: no arrays, no torch, and no family but the model's own."""
    code = command("memory", "llama-3.2-1b", "-r", "8", "--gpu", "h100", "--format", "json")
    code += "\nimport sys\nassert 'lora_cli.models.architectures.decoders.layer_norm.gpt2' not in sys.modules"
    assert loaded(code) == set()


def test_help_loads_nothing_heavy() -> None:
    """Help is as quick as an answer, and that of the program loads no command."""
    modules = [module.name for module in iter_modules(commands.__path__, f"{commands.__name__}.")]
    assert loaded(command("--help"), [*HEAVY, *modules]) == set()
    assert loaded(command("fit", "--help"), [*HEAVY, *modules]) == {f"{commands.__name__}.fit"}


def test_completion_loads_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor any command but the one that is typed; and no other run loads anything of completion."""
    asked = ("lora_cli.cli.completion", "lora_cli.cli.completion_setup")
    assert loaded(command("count", "-d", "8", "-h", "8", "-r", "2"), asked) == set()
    monkeypatch.setenv("_LORA_CLI_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "lora-cli count --set use_")
    assert loaded(command(), (*HEAVY[:1], *HEAVY[2:], "lora_cli.cli.commands.sweep", asked[1])) == set()
    assert loaded(command(), ("rich.text", *asked)) == {asked[0]}


def test_arrays_load_numpy_alone() -> None:
    """A forward pass and a sweep of many points load NumPy, and no Rich for a format that needs none."""
    assert loaded(command("forward", "-d", "8", "-h", "8", "-r", "2")) == {"numpy"}
    assert loaded(command("sweep", "-d", "8", "-h", "8", "-r", "1:2000:1", "--format", "csv")) == {"numpy"}
    assert loaded(command("sweep", "-d", "8", "-h", "8", "-r", "1:20:1", "--format", "csv")) == set()


def test_a_table_loads_rich_alone() -> None:
    """A table needs Rich, and no NumPy."""
    assert loaded(command("count", "-d", "8", "-h", "8", "-r", "2", "--format", "table")) == {"rich"}


def test_a_plot_in_a_file_loads_matplotlib_and_a_drawing_does_not() -> None:
    """And no answer loads what draws it unless that is asked for."""
    plots = ("lora_cli.output.plots.plot", "lora_cli.output.plots.text_drawing", "lora_cli.output.plots.figure_file")
    sweep = ("sweep", "gpt2", "-r", "4,8")
    assert loaded(command(*sweep), (*HEAVY, *plots)) == set()
    assert loaded(command(*sweep, "--plot", "-"), (*HEAVY, *plots)) == set(plots[:2])
    code = f"import os, tempfile\nos.chdir(tempfile.mkdtemp())\n{command(*sweep, '--plot', 'a.svg')}"
    assert loaded(code, ("matplotlib", "matplotlib.pyplot", "rich")) == {"matplotlib"}


def test_only_the_command_that_is_named_is_built() -> None:
    """A run that names its command does not import the others."""
    code = command("count", "-d", "8", "-h", "8", "-r", "2")
    code += (
        "\nimport sys\nassert not {'lora_cli.cli.commands.sweep', 'lora_cli.cli.commands.forward'} & sys.modules.keys()"
    )
    assert loaded(code) == set()


def test_the_application_is_built_once() -> None:
    """The spelling of an option, which Typer is asked for, is looked up for a message only."""
    code = "import lora_cli.cli.application as a, lora_cli.cli.command_line as line\nbuild, built = a.application, []\n"
    code += "a.application = line.application = lambda *names, **has: built.append(names) or build(*names, **has)\n"
    code += (
        command("count", "-d", "8", "-h", "8", "-r", "2", "--format", "json") + "\nassert built == [('count',)], built"
    )
    assert loaded(code) == set()


def test_no_method_is_loaded_unless_it_is_asked_for() -> None:
    """One of them is one module, whatever the others are."""
    methods = tuple(map(home, METHODS))
    one = command("count", "-d", "8", "-h", "8", "-r", "2", "--method", "vera")
    assert loaded(one, methods) == {"lora_cli.methods.catalogue.shared_bases.vera"}
