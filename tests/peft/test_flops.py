"""The floating-point operations of a step against PyTorch's own counter: a drawn configuration of each family."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

sys.path += [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
from memory_rows import replayed
from seed import SEED, turns
from torch.utils.flop_counter import FlopCounterMode

from lora_cli import InvalidInput
from tests.memory import oracle
from tests.memory.draw import draws
from tests.memory.drawn_families import FAMILIES


def grouped_flops(a: Sequence[int], b: Sequence[int], *_: Any, **__: Any) -> int:
    """Return the operations of the products of all experts, which the counter does not know: each row meets one."""
    return 2 * prod(a) * b[-1]


def drawn(family: str, turn: int) -> dict[str, Any]:
    """Return what is trained, without what the counter does not know: fused attention and quantised products."""
    (row,) = islice(draws(family, SEED), turn, turn + 1)
    drawn_settings = oracle.Settings(**row["settings"])
    plain = replace(drawn_settings, attention="eager", quant=None, kbit_prepare=None, optimizer="sgd")
    checkpointing = Random(f"{SEED}/{family}/{turn}").random() < 0.5
    return row | {"settings": asdict(replace(plain, batch=1, seq=32, checkpointing=checkpointing))}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("turn", turns(4))
@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_takes_as_many_operations_as_in_pytorch(family: str, turn: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a checkpoint runs again included, which ends before the last product of most blocks."""
    row = drawn(family, turn)
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten._grouped_mm: grouped_flops})
    train = oracle.train

    def counted(*arguments: Any) -> Any:
        with counter:
            return train(*arguments)

    monkeypatch.setattr(oracle, "train", counted)
    try:
        oracle.measure(row["config"], row["adapter"], oracle.Settings(**row["settings"]))
    except (RuntimeError, TypeError, ValueError) as refusal:
        pytest.skip(str(refusal))
    try:
        step = replayed(row)
    except InvalidInput as refusal:
        pytest.skip(str(refusal))
    # The oracle takes two steps.
    assert 2 * sum(step.flops.values()) == counter.get_total_flops(), f"seed {SEED}: {row}"
