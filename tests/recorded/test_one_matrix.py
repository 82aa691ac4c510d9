"""What PEFT said when it was asked, for machines without torch; tests/peft/reference.py records it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lora_cli import count

RECORDED = Path(__file__).parents[1] / "reference" / "matrix.csv"
LINES = RECORDED.read_text(encoding="utf-8").splitlines()


def test_the_file_says_where_it_comes_from() -> None:
    """Version and command stand on its first line."""
    assert LINES[0].startswith("# peft 0.21.2, torch 2.13.0")
    assert LINES[0].endswith("python tests/peft/reference.py")


@pytest.mark.parametrize("row", list(csv.DictReader(LINES[1:])), ids=lambda row: f"{row['d']}x{row['h']}r{row['r']}")
def test_one_matrix_counts_as_peft_counted_it(row: dict[str, str]) -> None:
    """Trainable, all and file bytes are PEFT's."""
    recorded = {field: int(value) for field, value in row.items()}
    ours = count(recorded["d"], recorded["h"], recorded["r"]).record()
    assert {field: ours[field] for field in recorded} == recorded
