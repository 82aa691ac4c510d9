"""The seed of all that is drawn here: fixed, so that the same commit always gives the same result.

`SEED=17 python -m pytest -n 0 tests/peft` draws others, and `SEED=random` others each time.
"""

from __future__ import annotations

import os
import random

_WANTED = os.environ.get("SEED", "0")
SEED = random.SystemRandom().randrange(2**32) if _WANTED == "random" else int(_WANTED)
