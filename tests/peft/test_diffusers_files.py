"""Files that diffusers writes, inspected beside what diffusers makes of them when it loads them."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lora_cli.analysis.inspect.findings.declaration import NOTE
from lora_cli.analysis.inspect.inspect import Inspection, inspect

sys.path.insert(0, str(Path(__file__).parent))
from seed import SEED

pytest.importorskip("diffusers", reason="diffusers is not installed; it is in the extra peft")
import diffusers_files

FILES = 40
# What is true of some drawn ranks and alphas, whoever wrote the file.
OF_RANKS = {"rank-past-dimension", "rank-past-break-even", "extreme-scaling"}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    diffusers_files.quiet()


def _codes(found: Inspection) -> set[str]:
    return {each.code for each in found.findings if each.severity != NOTE} - OF_RANKS


def _has_mixed_ranks(file: diffusers_files.Drawn, theirs: Mapping[str, diffusers_files.Loaded]) -> bool:
    """Whether the modules of a model have several ranks, and the file tells no alpha."""
    ranks: dict[str, set[int]] = {}
    for name, module in theirs.items():
        ranks.setdefault(name.partition(".")[0], set()).add(module.r)
    return file.spelling not in diffusers_files.TELL_ALPHA and any(len(own) > 1 for own in ranks.values())


@pytest.mark.parametrize("turn", range(FILES))
def test_a_file_of_diffusers_is_what_diffusers_loads(turn: int, tmp_path: Path) -> None:
    """No finding, every parameter and byte, and each module's rank and scaling; with metadata its alpha too."""
    file = diffusers_files.drawn(tmp_path, random.Random(f"{SEED}/diffusers files/{turn}"))
    theirs = diffusers_files.loaded(file.path, file.pipeline)
    found = inspect(str(file.path), values=True)
    told = f"seed {SEED}: {file}"
    assert found.format == "diffusers", told
    assert _codes(found) == ({"missing-alpha"} if _has_mixed_ranks(file, theirs) else set()), told
    assert found.adapter_bytes == file.path.stat().st_size, told
    assert found.trainable_params == found.file_params == sum(module.params for module in theirs.values()), told
    assert found.max_rank == max(module.r for module in theirs.values()), told
    ours = {str(module["name"]): module for module in found.modules}
    assert ours.keys() == theirs.keys(), told
    for name, module in theirs.items():
        assert (ours[name]["r"], ours[name]["scaling"]) == (module.r, pytest.approx(module.scaling)), f"{told} {name}"
        assert ours[name]["alpha"] in {None, module.alpha}, f"{told} {name}"
        assert (ours[name]["alpha"] is None) == (file.spelling not in diffusers_files.TELL_ALPHA), f"{told} {name}"


@pytest.mark.parametrize("turn", range(FILES))
def test_a_file_of_diffusers_fits_its_model(turn: int, tmp_path: Path) -> None:
    """Nothing is wrong with it beside the config of any of the pipeline's models."""
    file = diffusers_files.drawn(tmp_path, random.Random(f"{SEED}/diffusers files/{turn}"))
    for part, config in diffusers_files.PIPELINES[file.pipeline].models.items():
        if part.startswith("text_encoder"):
            continue
        (tmp_path / "config.json").write_text(json.dumps(config))
        found = inspect(str(file.path), str(tmp_path / "config.json"))
        assert _codes(found) <= {"missing-alpha"}, f"seed {SEED}: {file} {part} {found.findings}"
