"""An axis of a sweep as text: a list of numbers, or a range."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lora_cli.errors import quote
from lora_cli.quantities import QuantityError, parse_whole

# What people write between the ends of a range and between the values of a list, and what an axis has there.
AXIS_MARKS = {r"(?:-|\.\.)": ":", "[ ;]+": ","}


def parse_axis(text: str, minimum: int, maximum: int) -> Sequence[int]:
    """Read an axis of a sweep: a list, or a range that includes both ends.

    Ranges are lazy, so that an axis of a billion points costs nothing.

    >>> parse_axis("4,8,16", 1, 1024)
    (4, 8, 16)
    >>> parse_axis("64:256:64", 1, 1024), parse_axis("1:100", 1, 1024)
    (range(64, 257, 64), range(1, 101))
    >>> parse_axis("512:4096:x2", 1, 8192)
    (512, 1024, 2048, 4096)
    >>> parse_axis("1-64", 1, 1024)
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '1-64' is not an axis; write 1:64
    >>> parse_axis("8:4:1", 1, 1024)
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '8:4:1' runs backwards; give start:stop:step with start at most stop
    """
    _refuse_other_marks(text)

    def number(part: str, least: int) -> int:
        try:
            return parse_whole(part, least, maximum)
        except QuantityError as error:
            where = "" if part == text else f"is not an axis: {quote(part)} "
            raise QuantityError(text, where + error.problem) from None

    if ":" not in text:
        return tuple(number(part, minimum) for part in text.split(","))
    parts = text.split(":")
    if len(parts) == 2:
        parts.append("1")
    if len(parts) != 3:
        raise QuantityError(text, "is not an axis; write 4,8,16 or 1:64 or 64:512:64 or 64:512:x2")
    start, stop = (number(part, minimum) for part in parts[:2])
    if start > stop:
        raise QuantityError(text, "runs backwards; give start:stop:step with start at most stop")
    if not parts[2].startswith("x"):
        return range(start, stop + 1, number(parts[2], 1))
    factor = number(parts[2][1:], 2)
    points = [start]
    while points[-1] * factor <= stop:
        points.append(points[-1] * factor)
    return tuple(points)


def _refuse_other_marks(text: str) -> None:
    """Refuse an axis that is right but for what stands between its numbers."""
    for marks, meant in AXIS_MARKS.items():
        if re.fullmatch(rf"[0-9]+(?:{marks}[0-9]+)+", text):
            raise QuantityError(text, f"is not an axis; write {re.sub(marks, meant, text)}")
