"""A picture of W, A and B to scale, which shows at a glance what an adapter saves.

The matrices are arranged as in the product: B is above W and Aᵀ is left of it, so that each column of W meets a
column of B, and each row of W a row of Aᵀ.
"""

from __future__ import annotations

from dataclasses import dataclass

# A character is about twice as high as wide.
ASPECT = 2
COLUMNS, LINES = 37, 15
# Left and lower eighths of a cell; without Unicode a cell is full or empty.
LEFT = " ▏▎▍▌▋▊▉█"
LOWER = " ▁▂▃▄▅▆▇█"

Segment = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines of segments, each a text and the matrix it belongs to (or an empty string), and whether all is to scale."""

    lines: list[list[Segment]]
    to_scale: bool


def _eighths(size: float) -> int:
    return max(1, round(8 * size))


def _bar(eighths: int, blocks: str, cells: int) -> list[str]:
    return [blocks[min(8, max(0, eighths - 8 * cell))] for cell in range(cells)]


def draw(d: int, h: int, r: int, unicode: bool, columns: int = COLUMNS, lines: int = LINES) -> Picture:
    """Draw W (d × h), Aᵀ (d × r) and B (r × h) to the same scale, in that many columns and lines or fewer.

    >>> for line in draw(6, 8, 2, unicode=False).lines[-3:]:
    ...     print("".join(text for text, _ in line))
    ######  ########################
    ######  ######################## W
    A
    """
    # Characters a unit of the matrices is wide; a unit's height follows from the aspect. Names, gaps and the rounding
    # of the strips take the rest.
    scale = min((columns - 5) / (h + r), (lines - 3) * ASPECT / (d + r))
    width, height = max(1, round(h * scale)), max(1, round(d * scale / ASPECT))
    across, down = _eighths(r * scale), _eighths(r * scale / ASPECT)
    strip_columns, strip_lines = -(-across // 8), -(-down // 8)
    left, lower = (LEFT, LOWER) if unicode else (" ########", " ########")
    margin = " " * (strip_columns + 2)
    strip = "".join(_bar(across, left, strip_columns))
    rows = [[(margin, ""), (block * width, "B")] for block in reversed(_bar(down, lower, strip_lines))]
    rows[-1].append((" B", "B"))
    rows += [[(strip, "A"), ("  ", ""), (lower[8] * width, "W")] for _ in range(height)]
    rows[-1].append((" W", "W"))
    rows.append([("A", "A")])
    thinnest = 1 / 8 if unicode else 1
    to_scale = min(r * scale, r * scale / ASPECT, h * scale, d * scale / ASPECT) >= thinnest / 2
    return Picture(rows, to_scale)
