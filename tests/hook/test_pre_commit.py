"""The hook of .pre-commit-hooks.yaml, run by the real pre-commit: it installs the project as a user's would.

Not among the tests that a bare `pytest` runs: it needs pre-commit (the extra `hook`), git, and pip's index.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import checkpoints
import pytest

PROJECT = Path(__file__).parents[2]
# What pip builds the project from, and what pre-commit looks for.
SOURCES = (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE", "lora_cli")
HOOK = "lora-cli-check"
R, D, H = 4, 16, 8
PARAMS = R * (D + H)
MINUTES_TO_INSTALL = 10

Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which neither the caller's git, nor its Python, nor its pre-commit decides anything."""
    ours = re.compile("GIT_|PRE_COMMIT|PYTHON|COVERAGE|SKIP$|VIRTUAL_ENV$")
    person = {
        f"GIT_{role}_{what}": f"{what.lower()}@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return {
        **{name: value for name, value in os.environ.items() if not ours.match(name)},
        **person,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "PRE_COMMIT_COLOR": "never",
    }


def git(folder: Path, env: Mapping[str, str], *arguments: str) -> str:
    """Run git in a folder, and return what it says."""
    done = subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit_all(folder: Path, env: Mapping[str, str]) -> str:
    """Make a folder a repository of one commit, and return its name."""
    git(folder, env, "init", "--quiet")
    git(folder, env, "add", "--all", "--force")
    git(folder, env, "commit", "--quiet", "--message", "All of it")
    return git(folder, env, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, str]:
    """Return a repository that offers the hook, as GitHub would, and its revision."""
    folder = tmp_path_factory.mktemp("published")
    for name in SOURCES:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder, commit_all(folder, environment)


def write_adapter(folder: Path) -> None:
    """Write an adapter as PEFT saves it: one module of 16 inputs and 8 outputs, at rank 4."""
    folder.mkdir(parents=True)
    fields = {"peft_type": "LORA", "r": R, "lora_alpha": 2 * R, "target_modules": ["q_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps({**fields, "base_model_name_or_path": "some/base"}))
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    shapes = {f"{module}.lora_A.weight": (R, D), f"{module}.lora_B.weight": (H, R)}
    values = {
        name: struct.pack(f"<{a * b}f", *(0.01 * (i + 1) for i in range(a * b))) for name, (a, b) in shapes.items()
    }
    tensors = {name: ("F32", shape) for name, shape in shapes.items()}
    checkpoints.write(folder / "adapter_model.safetensors", tensors, values)


@pytest.fixture
def check(tmp_path: Path, environment: dict[str, str], published: tuple[Path, str]) -> Check:
    """Return what runs the hook over a repository, with limits in its pyproject.toml, arguments and options."""

    def run(
        limits: str,
        arguments: tuple[str, ...] = (),
        adapters: tuple[str, ...] = ("adapters/a",),
        **options: bool,
    ) -> subprocess.CompletedProcess[str]:
        for name in adapters:
            write_adapter(tmp_path / name)
        (tmp_path / "pyproject.toml").write_text(f"[tool.lora-cli]\n{limits}\n")
        hook: dict[str, Any] = {"id": HOOK, "args": list(arguments), **options}
        repository = {"repo": str(published[0]), "rev": published[1], "hooks": [hook]}
        # JSON is YAML.
        (tmp_path / ".pre-commit-config.yaml").write_text(json.dumps({"repos": [repository]}))
        commit_all(tmp_path, environment)
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"],
            cwd=tmp_path,
            env=environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60 * MINUTES_TO_INSTALL,
        )

    return run


def test_an_adapter_inside_its_limits_passes(check: Check) -> None:
    """The hook installs, finds the adapter, and holds it against pyproject.toml, at equality too."""
    done = check(f"max-params = {PARAMS}")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^lora-cli check\.+Passed$", done.stdout, re.MULTILINE)


def test_an_adapter_past_its_limits_fails_once(check: Check) -> None:
    """The commit is stopped with the line that says by how much, once for a folder's two files."""
    done = check(f"max-params = {PARAMS - 1}")
    assert done.returncode == 1, done.stdout
    assert "exit code: 1" in done.stdout
    assert done.stdout.count("over the limit of 95 by 1") == 1


def test_the_hooks_arguments_win(check: Check) -> None:
    """`args` of the hook are the command line."""
    done = check(f"max-params = {PARAMS - 1}", ("--max-params", str(PARAMS)))
    assert done.returncode == 0, done.stdout


def test_each_of_several_adapters_is_checked(check: Check) -> None:
    """All folders of a commit are in one batch, and each of them has its verdict."""
    done = check(f"max-params = {PARAMS - 1}", adapters=("adapters/a", "adapters/b", "c"))
    assert done.returncode == 1, done.stdout
    assert done.stdout.count("over the limit of 95 by 1") == len(("adapters/a", "adapters/b", "c"))


def test_subjects_of_the_project_are_checked_without_files(check: Check) -> None:
    """The files of a commit are subjects of their own; without them, pyproject.toml's are checked."""
    subjects = f"max-params = {PARAMS}\n[[tool.lora-cli.check]]\nd = {D}\nh = {H}\nr = {R + 1}\n"
    assert check(subjects).returncode == 0
    done = check(subjects, adapters=(), always_run=True, pass_filenames=False)
    assert done.returncode == 1, done.stdout
    assert f"{D} x {H} | lora r={R + 1}: max-params" in done.stdout
    assert f"r {R} would hold" in done.stdout


def test_without_an_adapter_there_is_nothing_to_check(check: Check) -> None:
    """Other files start no check."""
    done = check("max-params = 0", adapters=())
    assert done.returncode == 0, done.stdout
    assert "(no files to check)" in done.stdout
