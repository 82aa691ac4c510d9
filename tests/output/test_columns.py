"""Columns: decimals under each other, texts folded where they may be, and no digit that is not the value's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.output.columns import column, folded_to, same_in_all_rows, table_width
from lora_cli.output.wrapping import fold, packed, screen_width, wrapped

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Mn")), min_size=1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6))
def test_the_decimals_of_a_column_stand_under_each_other(values: list[float]) -> None:
    """All have as many, where none needs an exponent, and each is the value rounded to them."""
    cells = column("output_norm", values).cells
    decimals = {len(text.partition(".")[2]) for text in cells}
    if not any("e" in text for text in cells) and max(decimals) <= 10:
        assert len(decimals) == 1
        for text, value in zip(cells, values, strict=True):
            assert float(text.replace(",", "")) == round(value, max(decimals))


@pytest.mark.parametrize(
    ("field", "values", "cells"),
    [
        ("percent_saved", [6.25, 99.99999999, None], ["6.25000000 %", "99.99999999 %", "unknown"]),
        ("r", [8, None], ["8", "none"]),
        ("reduction_factor", [16.0, 1234.5678], ["16.00x", "1,234.57x"]),
        ("trainable_params", [1, 1000], ["1", "1,000"]),
        ("relative_difference", [1.5e-9, 2.0], ["1.5e-09", "2"]),
    ],
)
def test_a_column_of_numbers(field: str, values: list[float | None], cells: list[str]) -> None:
    """An unknown one is a word, and what needs an exponent stands as it is."""
    found = column(field, values)
    assert (found.is_number, list(found.cells)) == (True, cells)


def test_words_and_verdicts_are_not_numbers() -> None:
    """A column with a word among its numbers is a column of texts, and so is one of yes and no."""
    assert not column("knob", ["r", 4]).is_number
    assert not column("passed", [True, False]).is_number
    assert not column("name", [None, None]).is_number


@given(NAMES, st.integers(2, 40))
def test_a_folded_text_is_the_text(text: str, width: int) -> None:
    """Nothing is lost, and no line is wider than asked for."""
    folded = fold(text, width)
    assert folded.replace("\n", "") == text
    assert all(screen_width(line) <= width for line in folded.split("\n"))


def test_a_text_is_folded_between_words_and_never_within_a_number() -> None:
    """After commas, dots and slashes, too."""
    assert fold("full params 8,030,261,248", 14) == "full params\n8,030,261,248"
    assert fold("model.layers.0.self_attn", 14) == "model.layers.\n0.self_attn"
    assert packed(["a b", "c d"], " - ", None) == "a b - c d"


def test_only_as_much_is_folded_as_needed() -> None:
    """The widest text gives way, numbers never do."""
    columns = [column("name", ["word " * 20]), column("trainable_params", [10**40]), column("target", ["q_proj," * 5])]
    fitted = folded_to(columns, 120, 2)
    assert table_width(fitted, 2) <= 120
    assert fitted[1] == columns[1]
    assert folded_to(columns, None, 2) == columns
    assert re.sub(r"\s", "", fitted[0].cells[0]) == "word" * 20


def test_what_every_row_says_is_said_once() -> None:
    """One row alone says nothing twice."""
    assert [each.field for each in same_in_all_rows([column("r", [8, 8]), column("d", [1, 2])])] == ["r"]
    assert same_in_all_rows([column("r", [8])]) == []


@given(st.lists(st.text("ab./-'`", min_size=1, max_size=12)), st.integers(1, 30), st.integers(0, 4))
def test_a_wrapped_sentence_keeps_its_words(words: list[str], width: int, indent: int) -> None:
    """None is broken, and a line is too long only where it is one word, or what stands between quotation marks."""
    text = " ".join(words)
    lines = wrapped(text, width, indent).split("\n")
    assert " ".join([lines[0], *(line.removeprefix(" " * indent) for line in lines[1:])]) == text
    for line in lines:
        assert len(line) <= width or " " not in line.strip() or any(mark in line for mark in "'`")


def test_a_name_is_broken_only_where_no_other_column_has_room() -> None:
    """And then between its words."""
    names = column("family", ["HunyuanVideoTransformer3DModel"])
    targets = column("default_targets", ["q_proj,k_proj,v_proj,o_proj,gate_proj"])
    assert [each.cells[0] for each in folded_to([targets, names], 52, 2)] == [
        "q_proj,k_proj,\nv_proj,o_proj,\ngate_proj",
        "HunyuanVideoTransformer3DModel",
    ]
    assert folded_to([names], 20, 2)[0].cells == ["HunyuanVideo\nTransformer3DModel"]
