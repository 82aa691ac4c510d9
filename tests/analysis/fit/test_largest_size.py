"""Fits against trying every size, for every method."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_llama import narrow

from lora_cli import InvalidInput, count, fit
from lora_cli.analysis.count.count_plan import make_plan
from lora_cli.analysis.count.model_count import count_model
from lora_cli.analysis.fit.alternatives import alternatives
from lora_cli.analysis.fit.budget import read_budget
from lora_cli.analysis.fit.fit import FIELDS
from lora_cli.analysis.fit.knob_search import KnobSearch
from lora_cli.analysis.fit.largest_size import LargestSize, largest_size
from lora_cli.analysis.limits import BUDGETS as ALL_BUDGETS
from lora_cli.analysis.limits import MAX_MEMORY
from lora_cli.methods import METHODS, method_named
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

# The budgets of a count alone; memory is that of a training.
BUDGETS = {name: limit for name, limit in ALL_BUDGETS.items() if name != MAX_MEMORY}
LLAMA = narrow(num_key_value_heads=2, vocab_size=64)
GPT2 = {"model_type": "gpt2", "n_embd": 12, "n_layer": 2, "n_head": 2, "vocab_size": 40, "n_positions": 16}
MIXTRAL = LLAMA | {"model_type": "mixtral", "num_local_experts": 2}
TIED = LLAMA | {"tie_word_embeddings": True}
VIT = {
    "model_type": "vit",
    "hidden_size": 12,
    "intermediate_size": 20,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
# What has no default that works.
NEEDED: dict[str, dict[str, Any]] = {
    "adalora": {"total_step": 100},
    "adaption_prompt": {"adapter_layers": 2},
    "vblora": {"vector_length": 4, "num_vectors": 5},
}
TRIED = 120
EVERYTHING = "all-linear"
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *(
        (name, LLAMA, {"target_modules": EVERYTHING})
        for name in METHODS
        if "target_modules" in method_named(name).shared_fields and method_named(name).open_sizes
    ),
    *((name, LLAMA, {}) for name in METHODS if method_named(name).prompt_tensors and method_named(name).open_sizes),
    *((name, GPT2, {"target_modules": ["c_attn"]}) for name in ("lora", "vera", "randlora", "fourierft", "waveft")),
    ("lora", LLAMA, {"target_modules": ["q_proj", "v_proj"], "rank_pattern": {"q_proj": 3}}),
    ("lora", LLAMA, {"target_modules": EVERYTHING, "use_dora": True}),
    ("lora", LLAMA, {"target_modules": EVERYTHING, "init_lora_weights": "pissa"}),
    ("lora", LLAMA, {"target_modules": EVERYTHING, "init_lora_weights": "orthogonal"}),
    ("lora", LLAMA, {"target_modules": EVERYTHING, "init_lora_weights": "mica"}),
    ("lora", LLAMA, {"target_modules": ["q_proj"], "kasa_config": {}}),
    ("lora", LLAMA, {"target_modules": ["q_proj"], "monteclora_config": {}}),
    ("lora", LLAMA, {"target_modules": ["q_proj"], "use_bdlora": {"target_modules_bd_b": ["q_proj"], "nblocks": 4}}),
    ("lora", LLAMA, {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"], "bias": "all"}),
    ("lora", TIED, {"target_modules": ["embed_tokens", "q_proj"], "ensure_weight_tying": True}),
    ("lora", MIXTRAL, {"target_modules": EVERYTHING}),
    ("lora", MIXTRAL, {"target_modules": ["q_proj"], "target_parameters": ["gate_up_proj"]}),
    ("lora", VIT, {"target_modules": ["projection", "query"]}),
    ("loha", VIT, {"target_modules": ["projection"], "use_effective_conv2d": True}),
    ("lokr", LLAMA, {"target_modules": EVERYTHING, "decompose_both": True}),
    ("lokr", LLAMA, {"target_modules": EVERYTHING, "decompose_factor": 2}),
    ("lokr", VIT, {"target_modules": ["projection"], "decompose_both": True, "use_effective_conv2d": True}),
    ("miss", LLAMA, {"target_modules": EVERYTHING, "init_weights": "bat"}),
    ("miss", LLAMA, {"target_modules": EVERYTHING, "init_weights": "mini", "mini_r": 2}),
    ("gralora", LLAMA, {"target_modules": EVERYTHING, "gralora_k": 4}),
    ("randlora", LLAMA, {"target_modules": ["q_proj", "down_proj"], "save_projection": False}),
    ("c3a", LLAMA, {"target_modules": ["q_proj", "up_proj"], "block_size_pattern": {"up_proj": 8}}),
    ("waveft", LLAMA, {"target_modules": EVERYTHING, "proportional_parameters": True}),
    ("oft", LLAMA, {"target_modules": EVERYTHING, "block_share": True}),
    ("osf", LLAMA, {"target_modules": EVERYTHING, "rank_pattern": {"q_proj": 3}}),
    ("p_tuning", LLAMA, {"encoder_reparameterization_type": "LSTM", "encoder_hidden_size": 9}),
    ("prefix_tuning", LLAMA, {"prefix_projection": True}),
]


def search(name: str, model: dict[str, Any], **fields: Any) -> KnobSearch:
    """Return the search for a method's size on a small model."""
    given = {"peft_type": name.upper(), **NEEDED.get(name, {}), **fields}
    config, unknown = read_adapter_config(Config(given, f"method {name}"), name)
    assert unknown == []
    return KnobSearch(make_plan(read_config(Config(model), "small"), config), given, f"method {name}")


def tried(name: str, model: dict[str, Any], fields: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return what each of the first sizes that PEFT takes costs, by limit."""
    return _tried(json.dumps([name, model, fields]))


@cache
def _tried(case: str) -> dict[int, dict[str, Any]]:
    name, model, fields = json.loads(case)
    subject, found = search(name, model, **fields), {}
    for size in range(1, TRIED):
        try:
            cost = subject.at(size)
        except InvalidInput:
            continue
        found[size] = {name: getattr(cost, limit.field) for name, limit in BUDGETS.items()}
    return found


@pytest.mark.parametrize(("name", "model", "fields"), CASES)
def test_a_fit_is_what_trying_every_size_finds(name: str, model: dict[str, Any], fields: dict[str, Any]) -> None:
    """Of the sizes that make sense, the one at which most is trained inside all limits; the next is over."""
    subject = search(name, model, **fields)
    runs = method_named(name).knob_values(subject.plan.targets.places, subject.plan.settings)
    costs = {size: cost for size, cost in tried(name, model, fields).items() if any(size in run for run in runs)}
    assert len(costs) > 1
    source = random.Random(f"{name} {fields}")
    for _ in range(40):
        near = source.choice(list(costs.values()))
        chosen = [limit for limit in BUDGETS if near[limit] is not None and source.random() < 0.6]
        limits = {limit: near[limit] * source.choice([1, 1, 0.95, 1.05]) for limit in chosen}
        held = [size for size, cost in costs.items() if all(cost[limit] <= most for limit, most in limits.items())]
        if not limits:
            continue
        if not held:
            with pytest.raises(InvalidInput, match="even at the smallest size"):
                largest_size(subject, limits)
            continue
        found = largest_size(subject, limits)
        best = min(held, key=lambda size: (-costs[size]["max_params"], size))
        if best == max(costs) == TRIED - 1:
            assert found.size is not None
            assert found.size >= best
            continue
        assert found.size == best
        check_of(found, costs, limits)


def check_of(found: LargestSize, costs: dict[int, dict[str, Any]], limits: dict[str, float]) -> None:
    """Check that what a fit says of its limit and of the next size adds up."""
    name = found.limit.replace("-", "_")
    value = getattr(found.cost, BUDGETS[name].field)
    assert found.budget == limits[name]
    assert found.headroom == found.budget - value >= 0
    dearer = [size for size, cost in costs.items() if cost["max_params"] > costs[found.size or 0]["max_params"]]
    if found.next_size is None:
        assert found.notes
        return
    assert found.next_size in dearer or found.next_size >= TRIED
    if found.next_size in costs:
        assert found.overshoot == costs[found.next_size][name] - found.budget > 0


@pytest.mark.parametrize(("name", "model", "fields"), [case for case in CASES if case[0] not in {"oft", "cartridge"}])
def test_no_size_that_peft_takes_is_passed_over(name: str, model: dict[str, Any], fields: dict[str, Any]) -> None:
    """Up to the largest that makes sense, all that PEFT takes is looked at; OFT's blocks that it would replace are not."""
    subject = search(name, model, **fields)
    runs = method_named(name).knob_values(subject.plan.targets.places, subject.plan.settings)
    known = {size for size in range(1, TRIED) if any(size in run for run in runs)}
    assert {size for size in tried(name, model, fields) if size <= max(known)} <= known


@pytest.mark.parametrize("name", [name for name in METHODS if name != "xlora"])
def test_a_resized_count_is_a_fresh_one(name: str) -> None:
    """Places that are kept give what places that are looked for anew give."""
    for model, fields in (
        (LLAMA, {}),
        (MIXTRAL, {"target_modules": EVERYTHING}),
        (TIED, {"ensure_weight_tying": True}),
    ):
        method = method_named(name)
        try:
            subject = search(
                name, model, **{field: value for field, value in fields.items() if field in method.shared_fields}
            )
            sizes = method.knob_values(subject.plan.targets.places, subject.plan.settings) if subject.knob else ()
            for size in [run[0] for run in sizes][:2]:
                kept = subject.at(size)
                fresh = count_model(kept.subject, kept.config)
                assert (kept.targets, kept.record()) == (fresh.targets, fresh.record())
        except InvalidInput:
            continue


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(0, 10**8))
def test_loras_rank_is_the_quotient(d: int, h: int, budget: int) -> None:
    """On one matrix it is budget / (d + h), rounded down, up to min(d, h)."""
    if budget < d + h:
        with pytest.raises(InvalidInput, match="even at the smallest size, r 1"):
            fit(d, h, max_params=budget)
        return
    found = fit(d, h, max_params=budget)
    assert found.size == min(budget // (d + h), d, h)
    assert found.record().items() >= count(d, h, found.size).record().items()


def test_of_several_limits_the_one_that_stops_the_next_size_is_named() -> None:
    """All hold; budget, headroom and overshoot are those of the one that would break first."""
    found = fit(1024, 1024, max_params=10**9, max_bytes=300_000, max_percent=99)
    assert (found.size, found.limit, found.budget) == (36, "max-bytes", 300_000)
    assert found.headroom == 300_000 - found.adapter_bytes
    assert found.overshoot == count(1024, 1024, 37).adapter_bytes - 300_000


def test_a_limit_holds_at_equality() -> None:
    """The figures of a rank are a budget for it, and a hair less is not."""
    cost = count(640, 480, 9)
    assert fit(640, 480, max_params=cost.trainable_params).size == 9
    assert fit(640, 480, max_percent=cost.percent_of_full).size == 9
    assert fit(640, 480, max_bytes=cost.adapter_bytes).size == 9
    assert fit(640, 480, max_bytes=cost.adapter_bytes - 1).size == 8


@pytest.mark.parametrize("method", ["road", "ia3", "beft", "frod", "supertuning"])
def test_a_method_without_a_whole_number_to_choose_is_counted_as_it_is(method: str) -> None:
    """It is inside the budget, and a note says that nothing was chosen; or it is refused with its own size."""
    found = fit(64, 64, method=method, max_params=10_000)
    assert (found.knob, found.size, found.next_size) == (None, None, None)
    assert "has no whole number to choose as its size" in found.notes[0]
    with pytest.raises(InvalidInput, match="has no size to choose"):
        fit(64, 64, method=method, max_params=1)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({}, "no budget to fit into"),
        ({"max_params": -1}, "max_params: -1 is below 0"),
        ({"max_percent": float("nan")}, "max_percent: nan is not a limit"),
        ({"max_bytes": "5M"}, "max_bytes: '5M' has the unit M"),
    ],
)
def test_what_is_no_budget_is_refused(limits: dict[str, Any], sentence: str) -> None:
    """None at all, a negative one, no number."""
    with pytest.raises(InvalidInput, match=sentence):
        fit(8, 8, **limits)


def test_a_size_that_is_given_is_refused() -> None:
    """What is looked for is not also said."""
    with pytest.raises(InvalidInput, match="method lora: r is what is searched for"):
        fit(8, 8, settings={"r": 2}, max_params=100)
    with pytest.raises(InvalidInput, match="n_frequency is what is searched for"):
        fit(8, 8, method="fourierft", settings={"n_frequency": 2}, max_params=100)


def test_other_targets_get_what_a_fit_of_theirs_gets() -> None:
    """Each row is the fit with that --target; the set that is asked for is not among them."""
    subject = search("lora", LLAMA | {"hidden_size": 32}, target_modules=EVERYTHING)
    limits = read_budget(max_params=20_000)
    rows = {str(row["target"]): row for row in alternatives(subject, limits)}
    assert list(rows) == ["q_proj,v_proj", "q_proj,k_proj,v_proj,o_proj", "gate_proj,up_proj,down_proj"]
    for target, row in rows.items():
        alone = largest_size(search("lora", LLAMA | {"hidden_size": 32}, target_modules=target.split(",")), limits)
        assert (row["size"], row["trainable_params"]) == (alone.size, alone.cost.trainable_params)
        assert row["headroom"] == alone.headroom


def test_other_targets_that_do_not_fit_have_no_size() -> None:
    """They are shown, and nothing is made up for them."""
    rows = list(alternatives(search("lora", LLAMA, target_modules=["q_proj"]), read_budget(max_params=70)))
    assert {row["size"] for row in rows} == {None}


@pytest.mark.parametrize(("name", "model", "fields"), CASES)
def test_tensors_made_once_a_shape_are_those_of_each_place(
    name: str, model: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Whatever a method says of names, each place has what it would have alone."""
    subject = search(name, model, **fields)
    runs = method_named(name).knob_values(subject.plan.targets.places, subject.plan.settings)
    cost = subject.at(next(run[0] for run in runs if run))
    alone = [tuple(cost.how.tensors(place, cost.settings)) for place in cost.targets.places]
    assert [tensors for _, tensors in cost.added] == alone
    assert cost.adapter_params == sum(
        tensor.params for tensors in (*alone, cost.shared, cost.prompts) for tensor in tensors if tensor.counted
    )


@pytest.mark.parametrize("wrong", [True, np.True_, np.float64("inf"), 1j])
def test_what_is_not_a_number_is_not_a_budget(wrong: Any) -> None:
    """Truth values are not numbers here."""
    with pytest.raises(InvalidInput, match=r"^max_params: .* is not a limit"):
        fit(8, 8, max_params=wrong)


def test_numpys_numbers_are_budgets() -> None:
    """The figures are Python's numbers all the same."""
    found = fit(np.int64(64), np.uint8(64), max_params=np.int64(1000), max_percent=np.float32(50))
    assert found == fit(64, 64, max_params=1000, max_percent=50)
    assert {type(value) for value in found.values()} == {int, float, str}


def test_a_fit_has_the_figures_of_its_count() -> None:
    """The count comes first, then what the search found."""
    found = fit(model="gpt2", target="all-linear", max_params=10**6)
    alone = count(model="gpt2", target="all-linear", r=found.size)
    assert tuple(found) == (*alone, *FIELDS)
    assert found.record().items() >= alone.record().items()
    assert found.config()["r"] == found.size
    assert {row["target"] for row in found.alternatives()}
    assert fit(8, 8, max_params=100).alternatives() == []
