"""Limits: each holds up to and including its own value, and a broken one says by how much."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from inspect import signature
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import Count, InvalidInput, Verdict, check, count
from lora_cli.analysis.check.limit_verdicts import judge_limits
from lora_cli.analysis.check.verdict import FIELDS
from lora_cli.analysis.limits import LIMITS, MAX_MEMORY

SIZES = st.integers(1, 2**31 - 1)
# Those of a count; memory is that of a training.
RULES = [limit.rule for name, limit in LIMITS.items() if name != MAX_MEMORY]


@given(SIZES, SIZES, SIZES)
def test_a_limit_holds_at_equality_and_no_further(d: int, h: int, r: int) -> None:
    """At the count's own figures every limit holds; at the next number on the strict side none does."""
    cost = count(d, h, r)
    percent, saved, params = cost.percent_of_full, cost.percent_saved, cost.trainable_params
    size = cost.adapter_bytes
    at = check(
        cost, max_percent=percent, max_params=params, min_saved=saved, expect_params=params, max_bytes=size, max_rank=r
    )
    past = check(
        cost,
        max_percent=math.nextafter(percent, -math.inf),
        max_params=params - 1,
        min_saved=math.nextafter(saved, math.inf),
        expect_params=params + 1,
        max_bytes=size - 1,
        max_rank=r - 1,
    )
    assert [verdict.rule for verdict in at] == [verdict.rule for verdict in past] == RULES
    assert all(verdict.passed for verdict in at)
    assert not any(verdict.passed for verdict in past)


@given(SIZES, SIZES, SIZES)
def test_a_limit_missed_by_the_least_shows_different_numbers(d: int, h: int, r: int) -> None:
    """However close value and limit are, the failure does not print them alike."""
    cost = count(d, h, r)
    limit = math.nextafter(cost.percent_of_full, -math.inf)
    (verdict,) = check(cost, max_percent=limit)
    failure = verdict.failure()
    assert failure is not None
    value_text, limit_text = failure.split(" is ")[1].split(" by ")[0].split(", over the limit of ")
    assert value_text != limit_text


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max_percent": 5}, "max-percent: percent_of_full is 6.25, over the limit of 5 by 1.25; r 25 would hold"),
        (
            {"max_params": 65535},
            "max-params: trainable_params is 65,536, over the limit of 65,535 by 1; r 31 would hold",
        ),
        ({"min_saved": 94.5}, "min-saved: percent_saved is 93.75, under the limit of 94.5 by 0.75; r 28 would hold"),
        (
            {"expect_params": 65600},
            "expect-params: trainable_params is 65,536, different from the limit of 65,600 by 64",
        ),
        ({"max_bytes": 262383}, "max-bytes: adapter_bytes is 262,384, over the limit of 262,383 by 1; r 31 would hold"),
        ({"max_rank": 20}, "max-rank: max_rank is 32, over the limit of 20 by 12; r 20 would hold"),
    ],
)
def test_a_failure_names_rule_field_value_limit_and_gap(limits: dict[str, float], text: str) -> None:
    """The line of a broken limit has everything that its reader needs."""
    (verdict,) = check(count(1024, 1024, 32), **limits)
    assert verdict.failure() == text


@pytest.mark.parametrize(
    ("cost", "limits", "advice"),
    [
        (count(1024, 1024, 32), {"expect_params": 16384}, "; r 8 would hold"),
        (count(1024, 1024, 32), {"expect_params": 16385}, " by 49,151"),
        (count(1024, 1024, 32), {"max_params": 2047}, "; no r would hold"),
        (count(1024, 1024, 32), {"max_percent": -1}, " by 7.25"),
        (count(64, 64, method="fourierft"), {"max_params": 100}, "; n_frequency 100 would hold"),
        (count(model="gpt2", r=16), {"max_params": 294912}, "; r 8 would hold"),
        (count(model="gpt2", r=16), {"max_bytes": 1_200_000}, "; r 8 would hold"),
        (count(model="gpt2", method="ia3"), {"max_params": 100}, " by 64,412"),
        (
            count(model="gpt2", r=8, settings={"rank_pattern": {"h.0.attn.c_attn": 32}}),
            {"max_rank": 16},
            "max_rank is 32, over the limit of 16 by 16; no r would hold",
        ),
        (
            count(model="gpt2", method="adalora", settings={"total_step": 9}),
            {"max_params": 100_000},
            "; init_r 2 would hold",
        ),
    ],
)
def test_a_broken_limit_says_which_size_would_hold(cost: Count, limits: dict[str, float], advice: str) -> None:
    """The largest, by the field that sets the size of the method; nothing where no size is known to hold."""
    (verdict,) = check(cost, **limits)
    failure = verdict.failure()
    assert failure is not None
    assert failure.endswith(advice)


def test_a_limit_of_zero_is_a_limit() -> None:
    """0 is not "not given"."""
    cost = count(1024, 1024, 32)
    assert not check(cost, max_params=0)[0].passed
    assert check(cost, min_saved=0)[0].passed
    assert check(count(1, 1, 1), min_saved=-100.0)[0].passed


def test_no_limit_is_refused() -> None:
    """A check of nothing is no success, and the error lists what can be checked."""
    with pytest.raises(InvalidInput, match="no limit to check") as caught:
        check(count(8, 8, 1))
    assert all(name in str(caught.value) for name in LIMITS)


def test_every_limit_is_a_keyword_of_check() -> None:
    """The keywords come in the order of the limits, before all others."""
    keywords = [
        name for name, parameter in signature(check).parameters.items() if parameter.kind is parameter.KEYWORD_ONLY
    ]
    assert keywords[: len(LIMITS)] == list(LIMITS)


def test_limits_take_numpy_numbers() -> None:
    """They become Python's, which JSON takes."""
    verdicts = check(count(8, 8, 1), max_params=np.int64(16), max_percent=np.float32(25))
    assert [type(verdict.limit) for verdict in verdicts] == [float, int]
    assert all(verdict.passed for verdict in verdicts)


def test_a_record_has_rule_value_limit_and_passed() -> None:
    """The record's values are raw: exact integers, unrounded floats, a bool."""
    verdict = Verdict("max-params", 2**62 + 1, 2**62, "it is over the limit")
    record = verdict.record()
    assert tuple(record) == FIELDS
    assert tuple(record.values()) == ("max-params", 2**62 + 1, 2**62, False)
    assert (verdict.rule, verdict.value, verdict.limit, verdict.passed, verdict.path) == (*record.values(), None)
    assert verdict.of_path("a").record() == {"path": "a", **record}


def test_printed_verdicts_say_what_would_hold() -> None:
    """In a list as alone, and what holds with both its figures."""
    verdicts = check(count(model="gpt2", r=16), max_params=100_000, min_saved=10)
    failed, held = verdicts
    assert str(failed) == failed.failure()
    assert "r 2 would hold" in str(failed)
    assert f"passed=False, failure={failed.failure()!r})" in str(verdicts)
    assert repr(held) == f"Verdict(rule='min-saved', value={held.value!r}, limit=10, passed=True)"
    assert str(held) == "min-saved holds: value 99.526, limit 10"


@pytest.mark.parametrize("d", [200, 400, 1000, 2000])
def test_a_saving_of_just_the_limit_holds(d: int) -> None:
    """The percentages are the exact ones rounded once, so a decimal limit that is met exactly is met."""
    for r in range(1, d // 2, 7):
        saved = Fraction(100) - Fraction(100 * r * 2 * d, d * d)
        (verdict,) = check(count(d, d, r), min_saved=float(saved))
        assert verdict.passed


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf, True, "one", "many", [1], 1j])
def test_a_limit_that_is_not_a_number_is_refused(limit: Any) -> None:
    """Nothing can be compared with NaN, infinity or a word."""
    for name in LIMITS:
        with pytest.raises(InvalidInput, match=name):
            check(count(8, 8, 1), **{name: limit})


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_not_known_is_not_judged(name: str) -> None:
    """A limit on a figure that is unknown neither holds nor fails: it is refused, with the reason."""
    unknown = Count({"trainable_params": 96})
    field = LIMITS[name].field
    if field == "trainable_params":
        assert judge_limits(unknown, {name: 96})[0].passed
    else:
        with pytest.raises(
            InvalidInput, match=f"{name}: {re.escape(LIMITS[name].figure)} is unknown, because .*; .*drop this limit"
        ):
            judge_limits(unknown, {name: 96})
