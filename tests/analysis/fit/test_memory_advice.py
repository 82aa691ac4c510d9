"""What a fit says where not even the smallest size has the memory: what it names helps as it says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lora_cli import DoesNotFit, fit

BASE = "llama-3.2-1b"


def refusal(training: dict[str, Any], **others: Any) -> str:
    """Return why nothing fits."""
    with pytest.raises(DoesNotFit) as caught:
        fit(model=BASE, training=training, **others)
    return str(caught.value)


def test_a_switch_that_is_enough_alone_is() -> None:
    """With it the same question has an answer."""
    training = {"gpu": "rtx-2060", "seq": 1300}
    assert "; quantize nf4 or loss chunked would be enough; seq " in refusal(training)
    for switch in ({"loss": "chunked"}, {"quantize": "nf4"}):
        assert fit(model=BASE, training={**training, **switch}).size


def test_the_length_that_would_hold_is_the_longest() -> None:
    """At the smallest rank, which is what was refused; the next length is refused, too."""
    said = refusal({"gpu": "rtx-2060", "seq": 4096})
    length = int(re.findall(r"; seq (\d+) would hold \(knob seq\)", said)[0])
    assert fit(model=BASE, training={"gpu": "rtx-2060", "seq": length}).size is not None
    refusal({"gpu": "rtx-2060", "seq": length + 1})
    assert fit(model=BASE, r=1, knob="seq", training={"gpu": "rtx-2060"}).size == length


def test_switches_that_are_not_enough_are_told_with_what_they_save() -> None:
    """The largest first, and nothing that saves a thousandth of what is missing."""
    said = refusal({"seq": 512}, max_memory="1GB")
    assert "; not enough alone: quantize nf4 saves " in said
    assert said.endswith("; no smaller batch or seq would hold")
    assert "optimizer" not in said


def test_a_budget_of_something_else_is_not_advised() -> None:
    """Where memory holds, no switch of its training helps."""
    assert "seq" not in refusal({"gpu": "h100", "seq": 64}, max_params=1)


def test_of_several_methods_the_nearest_is_advised(capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of the command line."""
    from lora_cli.cli.main import run

    line = f"fit {BASE} --gpu rtx-2060 --seq 4096 --method lora,dora"
    assert run(line.split()) == 2
    said = capsys.readouterr().err
    assert "none of the 2 methods fits" in said
    assert re.search(r"; not enough alone: --loss chunked saves .*; seq \d+ would hold \(--knob seq\)$", said)
