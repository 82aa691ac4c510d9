"""The parts of a training's memory, and the cells of the bar that shows them, in a table and in a plot alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

# The parts of the peak by their fields: the name of each, and what it is drawn with.
PARTS = {
    "weights_bytes": ("base weights", "█"),
    "adapter_weights_bytes": ("adapter weights", "▓"),
    "gradient_bytes": ("gradients", "▞"),
    "optimizer_bytes": ("optimizer states", "▀"),
    "activation_bytes": ("activations", "▒"),
    "loss_bytes": ("loss", "░"),
    "temporary_bytes": ("temporaries", "▄"),
}


def apportioned(sizes: Sequence[float], cells: int) -> list[int]:
    """Return how many of the cells each size gets, by the largest remainders: a larger one never gets fewer.

    >>> apportioned([48, 12, 0], 5), apportioned([160, 320, 20], 2), apportioned([0, 0], 0)
    ([4, 1, 0], [1, 1, 0], [0, 0])
    """
    whole = sum(sizes) or 1
    quotas = [cells * size / whole for size in sizes]
    counts = [math.floor(quota) for quota in quotas]
    by_remainder = sorted(range(len(sizes)), key=lambda at: counts[at] - quotas[at])
    for at in by_remainder[: cells - sum(counts)]:
        counts[at] += 1
    return counts
