"""A canvas of characters: marks, and lines in braille dots or, on a screen without Unicode, in full stops."""

from __future__ import annotations

BRAILLE = 0x2800
# The bit of each dot of a braille character: two columns of four.
BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
DOT = "."
# Where marks of several series meet.
SEVERAL = "*"

Place = tuple[float, float]


class Canvas:
    """A canvas of that many columns and rows. Places are from 0 to 1, from the lower left corner."""

    def __init__(self, columns: int, rows: int, *, unicode: bool) -> None:
        self.columns, self.rows, self.unicode = columns, rows, unicode
        self._across, self._down = (2, 4) if unicode else (1, 1)
        self._levels: dict[int, str] = {}
        self._dots: dict[tuple[int, int], int] = {}
        self._marks: dict[tuple[int, int], str] = {}

    def level(self, share: float, mark: str) -> None:
        """Draw a row of a character, behind everything else."""
        self._levels[self.cell((0, share))[1]] = mark

    def line(self, start: Place, end: Place) -> None:
        """Draw a line of dots."""
        (x, y), (end_x, end_y) = self._dot(start), self._dot(end)
        steps = max(abs(end_x - x), abs(end_y - y), 1)
        for step in range(steps + 1):
            across, down = x + round((end_x - x) * step / steps), y + round((end_y - y) * step / steps)
            cell = across // self._across, down // self._down
            self._dots[cell] = self._dots.get(cell, 0) | BITS[across % self._across][down % self._down]

    def mark(self, place: Place, mark: str) -> None:
        """Put a character at a place, in front of all lines."""
        cell = self.cell(place)
        self._marks[cell] = mark if self._marks.get(cell, mark) == mark else SEVERAL

    def cell(self, place: Place) -> tuple[int, int]:
        """Return the column and the row of a place."""
        x, y = self._dot(place)
        return x // self._across, y // self._down

    @property
    def has_several(self) -> bool:
        """Whether marks meet anywhere."""
        return SEVERAL in self._marks.values()

    def lines(self) -> list[str]:
        """Return the rows of characters, the top one first."""
        return ["".join(self._text(column, row) for column in range(self.columns)) for row in range(self.rows)]

    def _dot(self, place: Place) -> tuple[int, int]:
        x, y = (min(1.0, max(0.0, share)) for share in place)
        return round(x * (self.columns * self._across - 1)), round((1 - y) * (self.rows * self._down - 1))

    def _text(self, column: int, row: int) -> str:
        if (mark := self._marks.get((column, row))) is not None:
            return mark
        if (dots := self._dots.get((column, row))) is not None:
            return chr(BRAILLE + dots) if self.unicode else DOT
        return self._levels.get(row, " ")
