"""Makes tests/program.py importable, whichever way pytest is started, and Hypothesis leave no files."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# Machines are noisy: what an example does is judged, how long it takes is not.
settings.register_profile("project", deadline=None, database=None)
settings.load_profile("project")
