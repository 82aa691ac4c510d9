"""What the benchmarks share: processes timed from outside, side by side, and bounds on what came out.

Seconds on one machine say nothing about another, and on a busy one little about the next minute. So
what is judged is a ratio of processes that ran right after each other, in its median over many rounds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
# What getrusage counts memory in: kilobytes, but for macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024

# The installed command: run from the sources, every start may compile them anew.
LORA_CLI = str(Path(sys.executable).with_name("lora-cli"))

Command = Sequence[str]


@dataclass(frozen=True, slots=True)
class Run:
    """A process from start to end: wall time, processor time, the most memory it held, and its output."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure and how large it may be, or how small where `least` is set."""

    what: str
    value: float
    limit: float
    unit: str = "x"
    least: bool = False

    @property
    def held(self) -> bool:
        """Whether the figure keeps to its limit; equality does."""
        return self.value >= self.limit if self.least else self.value <= self.limit


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a process that is measured: this one's, and bytecode is kept as users have it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | changes


def run(command: Command, **changes: str) -> Run:
    """Run `command` to its end, with `changes` to its environment; a failure raises `CalledProcessError`.

    A process starts as a copy of its parent, and its peak counts what that held. So no script that
    calls this loads NumPy or DuckDB itself.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**changes)) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT, output)


def alternate(commands: Mapping[str, Command], rounds: int, **changes: str) -> dict[str, list[Run]]:
    """Run all `commands` once a round, and in turn forwards and backwards, so that none always follows another."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(rounds):
        for name in list(commands)[:: -1 if turn % 2 else 1]:
            runs[name].append(run(commands[name], **changes))
    return runs


def ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> float:
    """Return the median, over the rounds, of our time divided by theirs."""
    return statistics.median(our.seconds / their.seconds for our, their in zip(ours, theirs, strict=True))


def peak(runs: Sequence[Run]) -> int:
    """Return the most memory that any of `runs` held, in bytes."""
    return max(run.peak_bytes for run in runs)


def print_table(title: str, runs: Mapping[str, Sequence[Run]], base: str) -> None:
    """Print a line a contender: medians, the highest peak, and the median ratio to the contender `base`."""
    width = max(len(title), *map(len, runs))
    print(f"{title:{width}}  {'wall s':>8}  {'cpu s':>8}  {'peak MiB':>8}  {'ratio':>7}")
    for name, measured in runs.items():
        wall = statistics.median(run.seconds for run in measured)
        cpu = statistics.median(run.cpu_seconds for run in measured)
        memory = peak(measured) / MIB
        print(f"{name:{width}}  {wall:8.3f}  {cpu:8.3f}  {memory:8.1f}  {ratio(measured, runs[base]):6.2f}x")
    print()


def judge(*bounds: Bound) -> int:
    """Print `bounds` and return the exit code: 1 if one of them is missed."""
    width = max(len(bound.what) for bound in bounds)
    for bound in bounds:
        limit = f"at {'least' if bound.least else 'most'} {bound.limit:g}{bound.unit}"
        print(f"{bound.what:{width}}  {bound.value:.4g}{bound.unit}, {limit}: {'held' if bound.held else 'MISSED'}")
    return 0 if all(bound.held for bound in bounds) else 1
