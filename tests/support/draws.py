"""How many examples a test draws that is slower, or needs more of them, than the rest."""

from __future__ import annotations

from hypothesis import settings

GATE = 100


def examples(number: int) -> int:
    """Return `number` in the gate (`--draws long`), and in other runs as much less as every test draws."""
    return max(1, number * settings.default.max_examples // GATE)
