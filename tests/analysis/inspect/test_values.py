"""Stored values by their bytes, against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from adapter_files import write_arrays
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.analysis.inspect import values
from lora_cli.analysis.inspect.values import SpecialValues, special_values
from lora_cli.models.checkpoints.safetensors_header import read_header

SPECIAL = [0.0, -1.5, 65504.0, 1e-7, 3e38, float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "BF16"])
@given(st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=9))
def test_what_is_seen_is_what_numpy_sees(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, drawn: list[float]
) -> None:
    """In every type: NaN, infinity, and whether all are zero."""
    path = tmp_path_factory.mktemp("values") / "t.safetensors"
    with np.errstate(over="ignore"):
        array = np.array(drawn, "float32" if dtype == "BF16" else dtype)
    write_arrays(path, {"t": array}, dtype if dtype == "BF16" else None)
    expected = SpecialValues(bool(np.isnan(array).any()), bool(np.isinf(array).any()), not array.any())
    assert special_values(read_header(str(path))) == {"t": expected}


def test_a_tensor_is_read_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last value of many is seen too."""
    monkeypatch.setattr(values, "CHUNK_BYTES", 64)
    array = np.ones(1000, "<f4")
    array[-1] = np.nan
    write_arrays(tmp_path / "t.safetensors", {"t": array})
    assert special_values(read_header(str(tmp_path / "t.safetensors"))) == {"t": SpecialValues(nan=True)}
