"""The picture: as large as its numbers say, and never larger than its frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.models import MAX_DIMENSION
from lora_cli.output.picture import ASPECT, COLUMNS, LINES, Picture, draw

# From the smallest to the largest size, evenly over the powers of two.
SIZES = st.builds(lambda power, offset: min(MAX_DIMENSION, 2**power + offset), st.integers(0, 30), st.integers(0, 5))
# Rounding each of two rectangles up to a whole cell, the gap between them and their names.
SLACK = 5


def cells(picture: Picture, part: str) -> int:
    """Return how many cells are inked for W, A or B, their names not among them."""
    return sum(
        len(text.replace(" ", "")) for line in picture.lines for text, owner in line if owner == part != text.strip()
    )


@given(SIZES, SIZES, SIZES, st.booleans())
def test_a_picture_of_any_sizes_stays_in_its_frame(d: int, h: int, r: int, unicode: bool) -> None:
    """No sizes make it wider or higher than its frame, and every matrix is seen."""
    picture = draw(d, h, r, unicode)
    assert max(sum(len(text) for text, _ in line) for line in picture.lines) <= COLUMNS + SLACK
    assert len(picture.lines) <= LINES + SLACK
    assert all(cells(picture, part) > 0 for part in "WAB")


@given(SIZES, SIZES, SIZES)
def test_a_picture_without_unicode_is_ascii(d: int, h: int, r: int) -> None:
    """A terminal that has no block characters gets none."""
    assert all(text.isascii() for line in draw(d, h, r, unicode=False).lines for text, _ in line)


@given(st.integers(1, 4096), st.integers(1, 4096), st.integers(1, 4096))
def test_a_picture_to_scale_has_the_areas_of_its_matrices(d: int, h: int, r: int) -> None:
    """Each rectangle has its matrix's sides in one scale, to within half a cell on each side."""
    picture = draw(d, h, r, unicode=False)
    if not picture.to_scale:
        return
    scale = min((COLUMNS - 5) / (h + r), (LINES - 3) * ASPECT / (d + r))
    width, height = scale * h, scale * d / ASPECT
    assert (
        (width - 0.5) * (height - 0.5) - 1 <= cells(picture, "W") <= (max(width, 0.5) + 0.5) * (max(height, 0.5) + 0.5)
    )


def test_a_picture_of_a_thin_adapter_says_that_it_is_thinner() -> None:
    """Rank 1 of 4,096 is no eighth of a cell, and the picture admits it."""
    assert not draw(4096, 4096, 1, unicode=True).to_scale
    assert not draw(4096, 4096, 1, unicode=False).to_scale
    assert draw(6, 8, 2, unicode=True).to_scale
    assert draw(6, 8, 2, unicode=False).to_scale


def test_eighths_of_a_cell_show_what_whole_cells_cannot() -> None:
    """With Unicode a rank of 64 in 1,024 is a part of a cell wide, without it a whole one."""
    fine, coarse = draw(1024, 1024, 8, unicode=True), draw(1024, 1024, 8, unicode=False)
    assert {text for line in fine.lines for text, part in line if part == "A"} & set("▏▎▍▌▋▊▉")
    assert {text for line in coarse.lines for text, part in line if part == "A"} & {"#"}


@pytest.mark.parametrize("unicode", [True, False])
def test_w_stands_under_b_and_right_of_a(unicode: bool) -> None:
    """As in the product: B's lines come first and as wide as W, each of W's lines begins with A."""
    parts = [
        [(part, len(text)) for text, part in line if part and text.strip() != part]
        for line in draw(6, 8, 2, unicode).lines
    ]
    above = [line for line in parts if line and line[0][0] == "B"]
    below = [line for line in parts if line and line[0][0] == "A"]
    assert above + below == [line for line in parts if line]
    assert all([part for part, _ in line] == ["A", "W"] for line in below)
    assert {line[0][1] for line in above} == {line[1][1] for line in below}
