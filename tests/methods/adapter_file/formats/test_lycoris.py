"""Files of LyCORIS by their recorded headers: what is read of each module is what lycoris itself made of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import checkpoints
import pytest

from lora_cli import inspect
from lora_cli.dtypes import BY_NAME

RECORDED: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[3] / "reference" / "lycoris.json").read_text(encoding="utf-8")
)
CASES = [case for case, record in RECORDED.items() if isinstance(record, dict)]
# What we call an algorithm that lycoris calls otherwise.
NAMES = {"locon": "lora", "dylora": "lora", "kron": "lokr", "diag-oft": "oft"}
METADATA_FIELDS = ("base_model", "steps", "epochs", "learning_rate", "network_dim", "network_alpha")
LETTERS = {"F32": "f", "F16": "e", "I64": "q"}


def number_bytes(dtype: str, value: float) -> bytes:
    """Return a number in the bytes of a type."""
    if dtype == "BF16":
        return struct.pack("<f", value)[2:]
    return struct.pack(f"<{LETTERS[dtype]}", int(value) if dtype.startswith("I") else value)


def write_recorded(path: Path, case: str) -> None:
    """Write the file of a case, with its scalars and zeros for all other values."""
    header = RECORDED[case]["header"]
    checkpoints.write_header(path, header)
    with path.open("r+b") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        for key, value in RECORDED[case]["scalars"].items():
            file.seek(start + header[key]["data_offsets"][0])
            file.write(number_bytes(header[key]["dtype"], value))


@pytest.mark.parametrize("case", CASES)
def test_modules_are_what_lycoris_makes_of_them(case: str, tmp_path: Path) -> None:
    """Algorithm, rank, alpha and scaling of each module, and trained parameters of each and together."""
    path = tmp_path / "any name.safetensors"
    write_recorded(path, case)
    found = inspect(str(path))
    modules = {str(record["name"]): record for record in found.modules}
    expected = {module["name"]: module for module in RECORDED[case]["modules"]}
    assert found.format == "kohya"
    assert modules.keys() == expected.keys()
    for name, module in expected.items():
        ours = modules[name]
        is_dora = "dora" in case or "magnitude" in case
        method = NAMES.get(module["algorithm"], module["algorithm"])
        assert str(ours["method"]).partition("+")[0] == ("dora" if is_dora and method == "lora" else method)
        assert ours["scaling"] == module["scaling"]
        if module["scaling"] is not None:
            assert ours["alpha"] == pytest.approx(module["alpha"], rel=2**-8)
            # LoKr without a low-rank factor keeps nothing of the rank that was asked for.
            assert ours["r"] in (None, module["r"])
            assert ours["r"] is not None or "low-rank" in case or "lokr" in case or case == "a mixture"
    assert found.trainable_params == sum(module["trained"] for module in expected.values())
    assert found.file_params == sum(
        (end - start) * 8 // BY_NAME[entry["dtype"]].bits
        for key, entry in RECORDED[case]["header"].items()
        if key != "__metadata__"
        for start, end in [entry["data_offsets"]]
    )
    assert {finding.code for finding in found.findings} <= {"zero-b"}, found.findings


@pytest.mark.parametrize("case", CASES)
def test_training_facts_are_read(case: str, tmp_path: Path) -> None:
    """They are strings in the metadata; one that is long JSON is left alone."""
    path = tmp_path / "a.safetensors"
    write_recorded(path, case)
    found = inspect(str(path))
    noted = tuple(getattr(found, field) for field in METADATA_FIELDS)
    assert noted == ("sd_xl_base_1.0.safetensors", 1200, 10, 0.0001, 4, 2.0)
