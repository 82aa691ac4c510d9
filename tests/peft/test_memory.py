"""Steps of training against PyTorch itself: for each family some are drawn, measured on fake tensors, and replayed.

`python tests/memory/compare.py` draws more of one family.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

sys.path += [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
from seed import SEED, turns

from tests.memory.compare import compared, drawn, holds
from tests.memory.draw import draws, measured
from tests.memory.drawn_families import FAMILIES

# Each family has one step by default, and a third of them, which the seed chooses, a second.
TURNS = len(turns(10))
SECOND = 3
# What the oracle runs and the replay refuses, by what the refusal names.
REFUSED = (
    "what prefix_tuning allocates",
    "what prompt_tuning allocates in a training step is known of decoders",
    "what alibi changes",
    "attention with one key and value for all heads",
    "an adapter of the Conv3d",
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_peaks_as_in_pytorch(family: str) -> None:
    """Within 1 % on all but one in twenty and within 3 % on all; what has no replay is refused by its name. A row's name has the seed."""
    count = TURNS + ([*FAMILIES].index(family) % SECOND == SEED % SECOND)
    found, refused = compared(drawn([family], SEED, count))
    assert [reason for reason in refused if not any(known in reason for known in REFUSED)] == []
    differences = found.get(family, {})
    assert holds(differences), differences


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("turn", turns(10))
@pytest.mark.parametrize("method", ["HIRA", "IA3", "LOHA", "LOKR", "OFT", "VERA"])
def test_other_methods_peak_as_in_pytorch_under_autocast(method: str, turn: int) -> None:
    """Their products are in its type and their sums are not, which few of the draws above have."""
    family = Random(f"{SEED}/{method}/{turn}").choice([*FAMILIES])
    wanted = (
        row
        for row in islice(draws(family, SEED), 2000)
        if row["settings"]["autocast"] and row["adapter"].get("peft_type") == method
    )
    found, refused = compared(islice(measured(wanted), 1))
    assert [reason for reason in refused if not any(known in reason for known in REFUSED)] == []
    assert holds(found.get(family, {})), found


# Steps that sum the gradients of several batches, by what is special about their gradients.
SUMMED: dict[str, Callable[[dict[str, Any], dict[str, Any]], bool]] = {
    "LoRA under autocast": lambda settings, adapter: settings["autocast"] and adapter.get("peft_type") == "LORA",
    "LoRA in float32": lambda settings, adapter: settings["dtype"] == "float32" and adapter.get("peft_type") == "LORA",
    "LoRA in bfloat16 with checkpointing": lambda settings, adapter: (
        settings["dtype"] == "bfloat16" and settings["checkpointing"] and adapter.get("peft_type") == "LORA"
    ),
    "DoRA": lambda _, adapter: adapter.get("use_dora", False),
    "full copies": lambda _, adapter: "modules_to_save" in adapter,
    "outputs that are kept": lambda settings, _: settings["logits_kept"],
    "a quantised base": lambda settings, adapter: settings["quant"] and adapter.get("peft_type") == "LORA",
    "another method": lambda _, adapter: adapter.get("peft_type") in {"HIRA", "IA3", "LOHA", "LOKR", "OFT", "VERA"},
    "full fine-tuning": lambda _, adapter: "peft_type" not in adapter,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("turn", turns(10))
@pytest.mark.parametrize("kind", SUMMED)
def test_summed_gradients_peak_as_in_pytorch(kind: str, turn: int) -> None:
    """They stay allocated while the next batch runs, and its own are added to them in place; three batches are as two."""
    draw = Random(f"{SEED}/{kind}/{turn}")
    family = draw.choice([*FAMILIES])
    wanted = (
        {**row, "settings": {**row["settings"], "accumulate": draw.choice([2, 3])}}
        for row in islice(draws(family, SEED), 2000)
        if SUMMED[kind](row["settings"], row["adapter"])
    )
    found, refused = compared(islice(measured(wanted), 1))
    assert [reason for reason in refused if not any(known in reason for known in REFUSED)] == []
    assert holds(found.get(family, {})), found
