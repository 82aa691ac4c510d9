"""Hypothesis leaves no files, and Ctrl-C reaches what tests run."""

import signal

from hypothesis import settings

# A shell ignores interruptions for what it runs in the background, and so would the programs that are interrupted here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are noisy: what an example does is judged, how long it takes is not.
settings.register_profile("project", deadline=None, database=None)
settings.load_profile("project")
