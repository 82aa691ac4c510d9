"""Steps that sum the gradients of several batches: what they take, and that every question can be asked of them.

How PyTorch itself peaks is compared in `tests/peft/test_memory.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import narrow

from lora_cli import InvalidInput, check, count, fit, memory, sweep
from lora_cli.analysis.count.count_plan import make_plan
from lora_cli.analysis.memory.caching_allocator import CachingAllocator
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.step import replay
from lora_cli.analysis.memory.training import Training
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

DEEP = read_config(Config(narrow(num_hidden_layers=12)), "deep")
LORA: dict[str, Any] = {"model": DEEP, "r": 8, "target": "all-linear"}
SETTINGS: dict[str, Any] = {"batch": 2, "seq": 64}


@pytest.mark.parametrize("settings", [{}, {"autocast": True, "dtype": "float32"}, {"checkpointing": False}])
def test_any_number_of_batches_from_two_on_takes_the_same(settings: dict[str, Any]) -> None:
    """All gradients are there at the peak, which one batch has only at the end of its backward."""
    one, two, many = (memory(**LORA, **SETTINGS, **settings, accumulate=n) for n in (1, 2, 1000))
    assert two.record() == many.record()
    assert one.gradient_bytes < two.gradient_bytes == one.adapter_weights_bytes
    assert 0 < two.peak_bytes - one.peak_bytes <= two.gradient_bytes
    assert one.phases["optimizer"] == two.phases["optimizer"]


@pytest.mark.parametrize("plan", [None, make_plan(DEEP, AdapterConfig(r=4, target_modules="all-linear"))])
@pytest.mark.parametrize("checkpointing", [True, False])
def test_a_few_layers_stand_for_all_when_gradients_are_summed(plan: Any, checkpointing: bool) -> None:
    """The gradients of those that are replayed count as often as there are layers."""
    setup, training = Setup(DEEP, plan), Training(2, 64, checkpointing=checkpointing, accumulate=4)
    few, every = replay(setup, training), replay(setup, training, CachingAllocator())
    assert few.phases == every.phases
    assert few.flops == every.flops


def test_the_gradient_of_a_tied_weight_waits_beside_that_of_the_batches_before() -> None:
    """That of the head waits for that of the embedding; only then their sum is added."""
    fields = narrow(vocab_size=50_000, tie_word_embeddings=True)
    model, table = read_config(Config(fields), "tied"), 50_000 * fields["hidden_size"] * 2
    one, two = (memory(model, method="full", seq=4, dtype="bfloat16", optimizer="sgd", accumulate=n) for n in (1, 2))
    assert two.peak_bytes - one.peak_bytes >= table


def test_operations_and_a_time_are_those_of_the_tokens() -> None:
    """The number of batches changes neither the operations of a token nor how long many tokens take."""
    time = {"gpu": "h100", "tokens": "1M", "utilisation": 0.5}
    one, four = (memory("gpt2", 8, seq=64, **time, accumulate=n) for n in (1, 4))
    assert one.flops == four.flops
    assert (one.flops_per_token, one.train_seconds) == (four.flops_per_token, four.train_seconds)


def test_every_question_of_memory_takes_it() -> None:
    """A fit, a check and a sweep judge the training that `memory` shows."""
    adapted: dict[str, Any] = {"model": "gpt2", "r": 64, "target": "all-linear"}
    found = memory(**adapted, seq=64, accumulate=4)
    (verdict,) = check(count(**adapted), max_memory=1, training={"seq": 64, "accumulate": 4})
    assert verdict.value == found.reserved_bytes * 116 // 100 + 2**30
    longest = [fit(**adapted, knob="seq", max_memory=verdict.value, training={"accumulate": n}).size for n in (1, 4)]
    assert longest[0] > longest[1]
    (row,) = sweep(**adapted, memory=True, seq=64, training={"accumulate": 4})
    assert row["peak_bytes"] == found.peak_bytes
    assert found.training["accumulate"] == 4


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2"])
def test_what_is_not_a_number_of_batches_is_refused(wrong: Any) -> None:
    """The message names the setting, the value and the limit."""
    with pytest.raises(InvalidInput, match=r"accumulate: .*give a whole number from 1 to 2147483647"):
        memory(**LORA, accumulate=wrong)
