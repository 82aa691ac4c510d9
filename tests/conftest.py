"""How many cases are drawn, and Ctrl-C for what tests run."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest
from hypothesis import settings

# A shell ignores interruptions for what it runs in the background, and so would the programs that are interrupted here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asks the real Hub or reads this user's cache of it; those that need a Hub have one of their own.
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": os.path.join(tempfile.gettempdir(), "no-such-hub-cache")}
for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_ENDPOINT"):
    os.environ.pop(variable, None)

# Machines are noisy, so that what an example does is judged and how long it takes is not.
settings.register_profile("short", deadline=None, database=None, max_examples=25)
settings.register_profile("long", deadline=None, database=None, max_examples=100)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that the gate sets."""
    parser.addoption(
        "--draws",
        choices=("short", "long"),
        default="short",
        help="long: all the cases that the gate tries, and the tests that are marked as long",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples Hypothesis draws, before any test is imported."""
    config.addinivalue_line("markers", "long: takes seconds and is for the gate, which runs with --draws long")
    settings.load_profile(config.getoption("--draws"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to the gate."""
    if config.getoption("--draws") == "short":
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
