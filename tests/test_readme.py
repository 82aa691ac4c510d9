"""README says what is so."""

from __future__ import annotations

import doctest
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import example
import readme
import yaml
from program import run

import lora_cli
from lora_cli.analysis.inspect.findings.registry import FINDINGS
from lora_cli.analysis.loaders.registry import loader_named, loader_names
from lora_cli.cli.registry import command_names
from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.registry import class_names, family, model_types

TEXT = readme.README.read_text(encoding="utf-8")


def test_every_example_prints_what_readme_shows() -> None:
    """Each command of each console block gives the output printed below it."""
    assert readme.renewed(TEXT) == TEXT


def test_the_python_examples_are_true() -> None:
    """What README shows of the Python API is what happens."""
    result = doctest.testfile(str(readme.README), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_project_file_passes(tmp_path: Path) -> None:
    """The limits that README writes into pyproject.toml hold, as they stand there, for the examples' files."""
    (sample,) = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    example.write(tmp_path)
    (tmp_path / "pyproject.toml").write_text(sample, encoding="utf-8")
    done = run("check", "--field", "rule", cwd=str(tmp_path))
    assert (done.returncode, "check failed" in done.stderr) == (0, False), done.stderr
    assert {"findings", "max-params", "max-bytes", "max-memory"} == {*done.stdout.splitlines()}


def test_every_command_is_shown() -> None:
    """No command is without an example."""
    for command in command_names():
        assert f"$ lora-cli {command} " in TEXT


def test_readme_is_read_in_one_sitting() -> None:
    """What is not folded away has at most 350 lines, and its text lines of at most 120 characters."""
    unfolded, folds = TEXT, 1
    while folds:
        unfolded, folds = re.subn(r"<details>((?!<details>).)*?</details>\n?", "", unfolded, flags=re.DOTALL)
    assert len(unfolded.splitlines()) <= 350
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def _ci_files() -> list[tuple[str, Any]]:
    """Return the files of README's YAML, each behind its path in a comment, as YAML reads them."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    parts = [re.split(r"^# (\..*)\n", block, flags=re.MULTILINE)[1:] for block in blocks]
    return [(path, yaml.safe_load(text)) for each in parts for path, text in zip(each[::2], each[1::2], strict=True)]


def test_the_files_for_ci_are_yaml() -> None:
    """A whole workflow and a whole job of GitLab, which run the same check as the lines that are shown first."""
    files = _ci_files()
    assert [path for path, _ in files] == [
        *(".github/workflows/check.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml"),
        *(".github/workflows/check.yml", ".gitlab-ci.yml"),
    ]
    lines, job, hooks, workflow, whole_job = (content for _, content in files)
    # In YAML 1.1, which PyYAML reads, `on` is true.
    assert workflow[True] == ["push", "pull_request"]
    steps = workflow["jobs"]["check"]["steps"]
    assert [each["uses"].partition("@")[0] for each in steps[:2]] == ["actions/checkout", "actions/setup-python"]
    assert " && ".join(each["run"] for each in steps[2:]) == lines[0]["run"]
    assert whole_job["adapters"] == {"image": "python:3.13", **job["adapters"]}
    assert hooks["repos"][0]["hooks"] == [{"id": "lora-cli-check"}]


def test_the_version_has_a_changelog_entry() -> None:
    """What is released is in the changelog."""
    changelog = readme.README.with_name("CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(lora_cli.__version__)}\]", changelog, re.MULTILINE)


def test_every_finding_is_explained() -> None:
    """README's tables have each code, with its severity, and no other."""
    rows = re.findall(r"^\| (`[a-z`, -]+`) \| (error|warning|note) \|", TEXT, re.MULTILINE)
    listed = {code: severity for codes, severity in rows for code in re.findall(r"[a-z-]+", codes)}
    rules = (rule for name in loader_names() for rule in loader_named(name).all_rules)
    assert listed == {kind.code: kind.severity for kind in (*FINDINGS.values(), *rules)}


def _of_kinds() -> Iterator[tuple[str, list[str]]]:
    """Yield README's rows of model types: the kind, and what is written of its types."""
    table = TEXT.partition("| kind | model types |\n| --- | --- |\n")[2].partition("\n\n")[0]
    for row in table.splitlines():
        kind, types = row.strip("| ").split(" | ")
        yield kind, types.split(", ")


def test_every_model_type_is_named() -> None:
    """README lists the model types that are known, and the classes of diffusers, all of them and no other."""
    listed = {kind: [name.strip("*") for name in names] for kind, names in _of_kinds()}
    assert listed.pop("diffusion") == class_names()
    assert all(names == sorted(names) for names in listed.values())
    assert sorted(chain.from_iterable(listed.values())) == model_types()


def _replayed_types() -> Iterator[str]:
    """Yield the model types whose block a training replays; what is known of a composite depends on its decoder."""
    for model_type in model_types():
        forward = family(model_type).forward
        if forward is None:
            continue
        with suppress(InvalidInput):
            config = read_config(Config({"model_type": model_type}), "defaults").config
            if config is None or forward(config) is None:
                continue
        yield model_type


def test_every_model_type_that_memory_knows_is_named() -> None:
    """They are in bold in README's list, all of them and no other, and it says how many there are."""
    known = list(_replayed_types())
    bold = sorted(name.strip("*") for _, names in _of_kinds() for name in names if name.startswith("**"))
    assert bold == known
    assert f"[{len(known)} model types](#reference)" in TEXT


def test_python_and_typer_are_those_of_the_project_file() -> None:
    """The versions that README names are the ones that are required."""
    project = tomllib.loads(Path(readme.README.with_name("pyproject.toml")).read_text(encoding="utf-8"))["project"]
    assert f"Python {project['requires-python'].removeprefix('>=')}" in TEXT
