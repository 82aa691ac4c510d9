"""The count of one matrix, against formulas of its own in whole numbers and fractions."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lora_cli import InvalidInput, count
from lora_cli.analysis.count.plain_lora import FIELDS
from lora_cli.models import MAX_DIMENSION

SIZES = st.integers(1, 300) | st.integers(1, MAX_DIMENSION)


def saved_bytes(d: int, h: int, r: int) -> int:
    """Return the size of PEFT's file for one adapted module W, from a header that `json` writes."""
    a, b = 4 * r * d, 4 * r * h
    header = {
        "__metadata__": {"format": "pt"},
        "base_model.model.W.lora_A.weight": {"dtype": "F32", "shape": [r, d], "data_offsets": [0, a]},
        "base_model.model.W.lora_B.weight": {"dtype": "F32", "shape": [h, r], "data_offsets": [a, a + b]},
    }
    length = len(json.dumps(header, separators=(",", ":")))
    return 8 + length + -length % 8 + a + b


@given(SIZES, SIZES, SIZES)
def test_every_field_follows_its_definition(d: int, h: int, r: int) -> None:
    """Whole numbers are exact, and each real number is the exact fraction to the last bits of a float."""
    record = count(d, h, r).record()
    trained, full = r * (d + h), d * h
    assert tuple(record) == FIELDS
    assert [record[field] for field in FIELDS[:7]] == ["lora", d, h, r, full, trained, full + trained]
    assert record["adapter_bytes"] == saved_bytes(d, h, r)
    reals = {
        "percent_of_full": Fraction(100 * trained, full),
        "percent_saved": 100 - Fraction(100 * trained, full),
        "reduction_factor": Fraction(full, trained),
        "trainable_percent": Fraction(100 * trained, full + trained),
        "break_even_rank": Fraction(full, d + h),
    }
    for field, exact in reals.items():
        # percent_saved is a difference: its error is that of the numbers it is taken between.
        assert record[field] == pytest.approx(float(exact), rel=1e-15, abs=3e-14 if field == "percent_saved" else 0)
        if field != "percent_saved":
            assert record[field] == float(exact)


@given(SIZES, SIZES, SIZES)
def test_d_and_h_can_be_exchanged(d: int, h: int, r: int) -> None:
    """LoRA costs the same for W and its transpose, in every figure but the bytes of the header."""
    one, other = dict(count(d, h, r).record()), dict(count(h, d, r).record())
    for field in ("d", "h", "adapter_bytes"):
        one.pop(field), other.pop(field)
    assert one == other


@given(SIZES, SIZES, st.integers(1, MAX_DIMENSION - 1))
def test_cost_grows_with_the_rank(d: int, h: int, r: int) -> None:
    """One rank more trains d + h parameters more, saves no more and is a larger file."""
    less, more = count(d, h, r), count(d, h, r + 1)
    assert more.trainable_params - less.trainable_params == d + h
    assert more.percent_of_full > less.percent_of_full
    assert more.percent_saved <= less.percent_saved
    assert more.adapter_bytes > less.adapter_bytes


@given(SIZES, SIZES, SIZES)
def test_what_is_trained_and_what_is_saved_are_a_hundred_percent(d: int, h: int, r: int) -> None:
    """percent_of_full and percent_saved add up to 100."""
    cost = count(d, h, r)
    total = Fraction(cost.percent_of_full) + Fraction(cost.percent_saved)
    assert float(total) == pytest.approx(100, abs=1e-15 * max(100, cost.percent_of_full))


@given(SIZES, SIZES, SIZES)
@example(4, 4, 2)
@example(3, 6, 2)
def test_a_rank_saves_if_and_only_if_it_is_under_break_even(d: int, h: int, r: int) -> None:
    """Savings end at the exact rank d·h / (d + h), and the warning starts past it."""
    cost = count(d, h, r)
    warned = any("break-even" in warning for warning in cost.warnings)
    assert warned == (Fraction(r) > Fraction(d * h, d + h)) == (cost.trainable_params > cost.full_params)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60))
def test_a_rank_above_the_smaller_dimension_is_warned_of(d: int, h: int, r: int) -> None:
    """A rank above min(d, h) is answered with a warning, the rank min(d, h) itself is not."""
    assert any("above min(d, h)" in warning for warning in count(d, h, r).warnings) == (r > min(d, h))


def test_all_fields_at_the_upper_limit_are_exact() -> None:
    """The largest sizes at the largest rank neither overflow nor lose a digit."""
    n = MAX_DIMENSION
    cost = count(n, n, n)
    assert (cost.full_params, cost.trainable_params, cost.all_params) == (n * n, 2 * n * n, 3 * n * n)
    assert (cost.percent_of_full, cost.percent_saved, cost.reduction_factor) == (200, -100, 0.5)
    assert cost.trainable_percent == float(Fraction(200, 3))
    assert cost.break_even_rank == n / 2
    assert cost.adapter_bytes == saved_bytes(n, n, n)


def test_the_largest_saving_is_short_of_a_hundred_percent() -> None:
    """Even one rank on the largest matrix trains something, and says so."""
    assert 0 < 100 - count(MAX_DIMENSION, MAX_DIMENSION, 1).percent_saved < 1e-6


def test_the_smallest_matrix_saves_nothing() -> None:
    """A 1 × 1 matrix has one parameter, its LoRA two."""
    cost = count(1, 1, 1)
    assert (cost.full_params, cost.trainable_params, cost.percent_saved, cost.break_even_rank) == (1, 2, -100, 0.5)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0, 8, 1), "d"), ((8, -1, 1), "h"), ((8, 8, 0), "r"), ((8, 8, MAX_DIMENSION + 1), "r"), ((8, 8, 2.0), "r")],
)
def test_what_is_no_size_is_refused_by_name(arguments: tuple[int, int, int], name: str) -> None:
    """The error begins with the argument that is wrong."""
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        count(*arguments)


def test_an_unknown_method_is_refused() -> None:
    """A method is known by its exact name."""
    with pytest.raises(InvalidInput, match="method 'nothing' is not known"):
        count(8, 8, 1, "nothing")


@pytest.mark.parametrize("name", ["method", "target", "adapter", "adapter_dtype"])
def test_an_empty_text_is_not_a_default(name: str) -> None:
    """What a shell makes of a variable that is not set is refused, not ignored."""
    with pytest.raises(InvalidInput, match=r"''|target names modules"):
        count(8, 8, 2, **{name: ""})
