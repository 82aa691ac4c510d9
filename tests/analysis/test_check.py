"""Limits: each holds up to and including its own value, and a broken one says by how much."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import InvalidInput, check, count
from lora_cli.analysis.check.limits import FIELDS, RULES, Verdict, hold
from lora_cli.analysis.percentages import Figures

SIZES = st.integers(1, 2**31 - 1)


@given(SIZES, SIZES, SIZES)
def test_a_limit_holds_at_equality_and_no_further(d: int, h: int, r: int) -> None:
    """At the count's own figures every limit holds; at the next number on the strict side none does."""
    cost = count(d, h, r)
    percent, saved, params = cost.percent_of_full, cost.percent_saved, cost.trainable_params
    size = cost.adapter_bytes
    at = check(cost, max_percent=percent, max_params=params, min_saved=saved, expect_params=params, max_bytes=size)
    past = check(
        cost,
        max_percent=math.nextafter(percent, -math.inf),
        max_params=params - 1,
        min_saved=math.nextafter(saved, math.inf),
        expect_params=params + 1,
        max_bytes=size - 1,
    )
    assert [verdict.rule for verdict in at] == [verdict.rule for verdict in past] == list(RULES)
    assert all(verdict.passed for verdict in at)
    assert not any(verdict.passed for verdict in past)


@given(SIZES, SIZES, SIZES)
def test_a_limit_missed_by_the_least_shows_different_numbers(d: int, h: int, r: int) -> None:
    """However close value and limit are, the failure does not print them alike."""
    cost = count(d, h, r)
    limit = math.nextafter(cost.percent_of_full, -math.inf)
    (verdict,) = check(cost, max_percent=limit)
    value_text, limit_text = verdict.failure().split(" is ")[1].split(" by ")[0].split(", over the limit of ")
    assert value_text != limit_text


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max_percent": 5}, "max-percent: percent_of_full is 6.25, over the limit of 5 by 1.25"),
        ({"max_params": 65535}, "max-params: trainable_params is 65,536, over the limit of 65,535 by 1"),
        ({"min_saved": 94.5}, "min-saved: percent_saved is 93.75, under the limit of 94.5 by 0.75"),
        ({"expect_params": 65600}, "expect-params: trainable_params is 65,536, off the limit of 65,600 by 64"),
        ({"max_bytes": 262383}, "max-bytes: adapter_bytes is 262,384, over the limit of 262,383 by 1"),
    ],
)
def test_a_failure_names_rule_field_value_limit_and_gap(limits: dict[str, float], text: str) -> None:
    """The line of a broken limit has everything that its reader needs."""
    (verdict,) = check(count(1024, 1024, 32), **limits)
    assert verdict.failure() == text


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
    assert all(rule in str(caught.value) for rule in RULES)


def test_a_record_has_rule_value_limit_and_passed() -> None:
    """The record's values are raw: exact integers, unrounded floats, a bool."""
    record = Verdict("max-params", 2**62 + 1, 2**62).record()
    assert tuple(record) == FIELDS
    assert tuple(record.values()) == ("max-params", 2**62 + 1, 2**62, False)


@pytest.mark.parametrize("d", [200, 400, 1000, 2000])
def test_a_saving_of_just_the_limit_holds(d: int) -> None:
    """The percentages are the exact ones rounded once, so a decimal limit that is met exactly is met."""
    for r in range(1, d // 2, 7):
        saved = Fraction(100) - Fraction(100 * r * 2 * d, d * d)
        (verdict,) = check(count(d, d, r), min_saved=float(saved))
        assert verdict.passed


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_is_refused(limit: float) -> None:
    """Nothing can be held against NaN or infinity."""
    for name in ("max_percent", "min_saved"):
        with pytest.raises(InvalidInput, match=name):
            check(count(8, 8, 1), **{name: limit})


class Unknown(Figures):
    """A subject of which nothing is known but what is trained."""

    adapter_bytes = full_params = percent_of_full = percent_saved = None  # type: ignore[assignment]
    trainable_params = 96


@pytest.mark.parametrize("rule", RULES)
def test_what_is_not_known_is_not_judged(rule: str) -> None:
    """A limit on a figure that is unknown neither holds nor fails: it is refused, with the reason."""
    if RULES[rule].field == "trainable_params":
        assert hold(Unknown(), {rule: 96})[0].passed
    else:
        with pytest.raises(InvalidInput, match=f"{rule}: {RULES[rule].field} is unknown here, as .*leave this limit"):
            hold(Unknown(), {rule: 96})
