"""A search by memory tells of each training that it replays, so that a long one can be seen to go on."""

from __future__ import annotations

import pytest

from lora_cli.analysis.fit.budget import read_budget
from lora_cli.analysis.fit.fit import fit_methods, fit_subject, read_question
from lora_cli.methods.config.adaptation import Adaptation

BUDGET = read_budget(max_memory="2GiB")


@pytest.mark.parametrize(("knob", "r"), [(None, None), ("batch", 4), ("seq", 4)])
def test_each_size_that_is_tried_is_told(knob: str | None, r: int | None) -> None:
    """Of one method and of several, and of the other targets that a budget would do for."""
    how = Adaptation("lora", r, None, ["c_attn"])
    training = {} if knob == "seq" else {"seq": 8}
    tried: list[None] = []
    subject, hows, training = read_question(None, None, "gpt2", [how], BUDGET, knob, training, None)
    found = fit_subject(subject, hows[0], BUDGET, knob, training, lambda: tried.append(None))
    once = len(tried)
    assert once >= 2
    found.alternatives()
    assert (len(tried) > once) == (knob is None)
    del tried[:]
    fit_methods(subject, [how, how], BUDGET, knob, training, lambda: tried.append(None))
    assert len(tried) == 2 * once
