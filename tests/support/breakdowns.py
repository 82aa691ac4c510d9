"""What holds of the rows of any count."""

from __future__ import annotations

import pytest

from lora_cli.analysis.count.breakdown import groups, modules
from lora_cli.analysis.count.model_count import ModelCount


def assert_rows_add_up(cost: ModelCount) -> None:
    """Check that the table and the list of modules add up to `trainable_params`, and the shares to 1."""
    rows = groups(cost)
    assert sum(int(str(row["trainable_params"])) for row in rows) == cost.trainable_params
    assert sum(int(str(row["trainable_params"])) for row in modules(cost)) == cost.trainable_params
    assert not rows or sum(float(str(row["share"])) for row in rows) == pytest.approx(1)
