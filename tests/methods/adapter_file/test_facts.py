"""What metadata says of a training, whatever stands in it."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.methods.adapter_file.facts import MOST_CHARACTERS
from lora_cli.methods.adapter_file.formats.kohya import facts

NAMES = ("ss_steps", "ss_epoch", "ss_learning_rate", "ss_network_dim", "ss_network_alpha", "ss_sd_model_name")


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30) | st.floats().map(repr) | st.integers().map(str)))
def test_each_entry_is_a_value_or_is_named(metadata: dict[str, str]) -> None:
    """Numbers are finite, counts are not negative, and nothing raises."""
    found = facts(metadata, {})
    values = dict(
        zip(
            NAMES,
            (
                found.steps,
                found.epochs,
                found.learning_rate,
                found.network_dim,
                found.network_alpha,
                found.base_model,
            ),
            strict=True,
        )
    )
    for name, value in values.items():
        assert (value is None) == (name in found.unread or metadata.get(name, "") in ("", "None", "null"))
        assert isinstance(value, str | None) or isfinite(value)
        assert name not in NAMES[:2] or value is None or int(str(value)) >= 0


@pytest.mark.parametrize("text", ["[" * 10**6, '{"a": ' * 10**6, "9" * 10**6, "x" * (MOST_CHARACTERS + 1)])
@pytest.mark.parametrize("name", NAMES)
def test_a_long_text_is_left_alone(name: str, text: str) -> None:
    """It is neither parsed nor shown."""
    assert facts({name: text}, {}).unread == (name,)
