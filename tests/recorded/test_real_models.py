"""Figures that PEFT 0.21 printed or wrote on real models, method by method; each row of the file is a test.

tests/peft/test_recorded.py asks PEFT itself for what is trained again.
"""

from __future__ import annotations

import pytest
from recorded import ROWS, fields

from lora_cli.analysis.count.model_count import count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.sources.preset import read_preset


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['model']} {row['method']} {row['settings']}" for row in ROWS])
def test_a_recorded_figure_is_reproduced(row: dict[str, str]) -> None:
    """What is trained, and the bytes of the file where they were recorded."""
    model = read_preset(row["model"])
    if row["method"] == "full":
        assert model.full_params == int(row["trainable_params"])
        return
    config, unknown = read_adapter_config(Config(fields(row["method"], row["settings"]), "recorded"))
    cost = count_model(model, config)
    assert unknown == []
    assert cost.trainable_params == int(row["trainable_params"])
    if row["adapter_bytes"]:
        assert cost.adapter_bytes == int(row["adapter_bytes"])
