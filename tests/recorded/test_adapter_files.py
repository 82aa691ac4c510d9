"""Adapter files as diffusers, mlx-lm and torchtune wrote them, beside what these programs make of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_files import Case, cases, write_case

from lora_cli import inspect
from lora_cli.analysis.inspect.findings.declaration import NOTE

# Findings that hold for a few of these tiny modules.
EXPECTED = {"rank-past-dimension", "rank-past-break-even"}


def _name(case: Case) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", cases("diffusers"), ids=_name)
def test_a_file_of_diffusers(case: Case, tmp_path: Path) -> None:
    """Each module has the rank and the scaling with which diffusers loads it; alpha is that of the metadata."""
    found = inspect(write_case(case, tmp_path / "any.safetensors"))
    assert found.format == "diffusers"
    assert found.adapter_bytes == case["bytes"]
    assert found.file_params == found.trainable_params
    ours = {module["name"]: module for module in found.modules}
    assert ours.keys() == case["modules"].keys()
    for name, (r, alpha, scaling, is_dora) in case["modules"].items():
        assert (ours[name]["r"], ours[name]["scaling"]) == (r, pytest.approx(scaling))
        assert ours[name]["alpha"] == (alpha if "lora_adapter_metadata" in case["metadata"] else None)
        assert ours[name]["method"] == ("dora" if is_dora else "lora")
    assert {each.code for each in found.findings if each.severity != NOTE} <= EXPECTED | {
        "missing-alpha",
        "extreme-scaling",
    }


@pytest.mark.parametrize("writer", ["mlx", "torchtune"])
def test_every_file_of_a_trainer_is_recognised(writer: str, tmp_path: Path) -> None:
    """Each module has the rank and the scaling of the trainer's own module, and the file its bytes."""
    for at, case in enumerate(cases(writer)):
        (folder := tmp_path / str(at)).mkdir()
        found = inspect(write_case(case, folder / "any.safetensors"))
        assert found.format == writer
        assert found.trainable_params == found.file_params == case["params"]
        ours = {module["name"]: (module["r"], module["scaling"]) for module in found.modules}
        if case["modules"]:
            assert ours == {name: (module["r"], module["scale"]) for name, module in case["modules"].items()}
        expected = EXPECTED | ({"other-format"} if "peft_type" in case["config"] else set())
        assert not {each.code for each in found.findings if each.severity != NOTE} - expected


@pytest.mark.parametrize("writer", ["mlx", "torchtune"])
def test_the_update_of_a_trainer(writer: str, tmp_path: Path) -> None:
    """Its norm is that of what the trainer's own module adds to the weight."""
    for at, case in enumerate(cases(writer)):
        (folder := tmp_path / str(at)).mkdir()
        norms = {name: each["norm"] for name, each in case["modules"].items() if "norm" in each}
        found = inspect(write_case(case, folder / "any.safetensors"), spectrum=True)
        ours = {str(module["name"]): module["norm"] for module in found.modules if module["norm"] is not None}
        assert ours == pytest.approx({name: norms[name] for name in ours}, rel=1e-5)
