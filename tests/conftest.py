"""Makes tests/program.py importable, whichever way pytest is started, Hypothesis leave no files, and Ctrl-C reach what tests run."""

import signal
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# A shell ignores interruptions for what it runs in the background, and so would the programs that are interrupted here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are noisy: what an example does is judged, how long it takes is not.
settings.register_profile("project", deadline=None, database=None)
settings.load_profile("project")
