"""How many cases are drawn and measured, and Ctrl-C for what tests run."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Generator, Iterable
from zlib import crc32

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

# Where few are drawn, a test keeps one case of so many; of so many one is measured for the branches that it covers.
CASES_PER_DRAW, CASES_PER_MEASURE = 5, 3
# pytest-cov's marker of what is not measured, and what lets coverage measure a process that is started.
UNMEASURED, MEASURES = "no_cover", "COVERAGE_PROCESS_CONFIG"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that the gate sets."""
    parser.addoption(
        "--draws",
        choices=("few", "short", "long"),
        default="short",
        help="few: of each test at most a fifth of its cases; long: all that the gate tries, and the tests marked as long",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples Hypothesis draws, before any test is imported."""
    config.addinivalue_line("markers", "long: takes seconds and is for the gate, which runs with --draws long")
    settings.load_profile("long" if config.getoption("--draws") == "long" else "short")


def few(items: Iterable[pytest.Item], of: int) -> set[pytest.Item]:
    """Return one case of each test `of` so many, but one at least.

    The same ones every time, and in every process: drawn by a number that their names give.
    """
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    by_draw = (sorted(of_one, key=lambda item: crc32(item.nodeid.encode())) for of_one in cases.values())
    return {item for of_one in by_draw for item in of_one[: -(-len(of_one) // of)]}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to the gate, and most cases of a test that has many to where not only few are drawn.

    A case runs three times as long where it is measured, so that few are.
    """
    draws = config.getoption("--draws")
    kept = items if draws == "long" else [item for item in items if not item.get_closest_marker("long")]
    if draws == "few":
        drawn = few(kept, CASES_PER_DRAW)
        kept = [item for item in kept if item in drawn]
    elif config.getoption("cov_source", None):
        for item in set(kept).difference(few(kept, CASES_PER_MEASURE)):
            item.add_marker(UNMEASURED)
    left = set(items).difference(kept)
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let what a case starts be measured only where the case is."""
    config = os.environ.pop(MEASURES, None) if item.get_closest_marker(UNMEASURED) else None
    try:
        return (yield)
    finally:
        if config is not None:
            os.environ[MEASURES] = config
