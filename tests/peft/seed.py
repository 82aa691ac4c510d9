"""The seed of all that is drawn here, and how much of it.

By default the seed is fixed, so that the same commit always gives the same result, and some cases of every kind are
drawn. `SEED=random TURNS=all python -m pytest -n 0 tests/peft` draws other cases each time, and all of them.
"""

from __future__ import annotations

import os
import random

_WANTED = os.environ.get("SEED", "0")
SEED = random.SystemRandom().randrange(2**32) if _WANTED == "random" else int(_WANTED)
# One case in so many is drawn by default.
SAMPLED = 5


def turns(most: int) -> range:
    """Return the numbers of the cases of one kind: some of them by default, at least one."""
    return range(most if os.environ.get("TURNS") == "all" else -(-most // SAMPLED))
