"""The rows of tests/reference/recorded.csv, figures that PEFT 0.21 printed or wrote on real models."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from lora_cli.methods import method_named, variant_fields

RECORDED = Path(__file__).parents[1] / "reference" / "recorded.csv"
with RECORDED.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def fields(method: str, settings: str) -> dict[str, Any]:
    """Return a row's settings as the fields of a config: FIELD=VALUE, all-linear, or names of targets."""
    words = settings.split()
    given = {field: json.loads(value) for field, _, value in (word.partition("=") for word in words if "=" in word)}
    targets = [word for word in words if "=" not in word]
    if targets:
        given["target_modules"] = targets[0] if targets == ["all-linear"] else targets
    task = {"task_type": "CAUSAL_LM"} if method_named(method).prompt_tensors else {}
    return {"peft_type": method_named(method).peft_type, **variant_fields(method), **task, **given}
