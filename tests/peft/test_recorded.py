"""The recorded figures of tests/reference/recorded.csv, asked of PEFT again on the meta device."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import peft
import pytest
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from lora_cli.models.sources.preset import preset

sys.path.insert(0, str(Path(__file__).parent))
import drawn
from recorded import ROWS, fields


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['model']} {row['method']} {row['settings']}" for row in ROWS])
def test_peft_trains_what_was_recorded(row: dict[str, str]) -> None:
    """The models have no values, so what is compared is what is trained, not the file."""
    model = drawn.build(preset(row["model"]))
    if row["method"] == "full":
        assert drawn.total(model) == int(row["trainable_params"])
        return
    given: dict[str, Any] = json.loads(json.dumps(fields(row["method"], row["settings"])))
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[given.pop("peft_type")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = peft.get_peft_model(model, config_class(**given))
    assert adapted.get_nb_trainable_parameters()[0] == int(row["trainable_params"])
