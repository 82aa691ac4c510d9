"""Hostile input, drawn at random and seeded: no bug of ours, no hang, no control character, no half a file.

    python tests/fuzz/run.py --inputs 100000
    python tests/fuzz/run.py --seconds 120 --seed 7
    python tests/fuzz/run.py --seed 7 --only 1234     (one input again, with what it wrote)

Each input is run in a process of its own. The exit code is 1 if one of them breaks a promise, which is shown with the
seed and the number that repeat it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple
from xml.etree import ElementTree as ET

sys.path.append(str(Path(__file__).parents[1] / "support"))

import kinds
from hub_kinds import HOME, HUB_KINDS
from hub_server import TOKEN
from plot_kinds import half_plots
from printing import has_controls

from lora_cli.cli import main

# A finding ends with its code.
FINDING = re.compile(r" \[[a-z-]+\]$")
HANG_SECONDS = 10
BATCH = 200
SHOWN = 20
ANNOTATION = re.compile(r"::error (file=[^,:]*,(line=\d+,)?)?title=lora-cli check::")
# What `--json` writes on a success, and a failed check.
ANSWERED = (0, 1)


class Outcome(NamedTuple):
    """What a command line did: its exit code, or minus the signal that ended it, and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes
    seconds: float


def outcome(argv: list[str], folder: Path) -> Outcome:
    """Run a command line in a process of its own, with a folder as its working directory."""
    paths = [folder.parent / name for name in ("stdout", "stderr")]
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(argv, folder, paths)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - start > HANG_SECONDS:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            break
        time.sleep(0.001)
    return Outcome(os.waitstatus_to_exitcode(status), *(path.read_bytes() for path in paths), time.monotonic() - start)


def _become(argv: list[str], folder: Path, paths: list[Path]) -> None:
    """Run a command line in this process and end it."""
    code = 71
    try:
        os.chdir(folder)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        for number, path in enumerate(paths, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        code = main(argv)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def broken_promises(argv: list[str], folder: Path, found: Outcome) -> list[str]:
    """Return what an outcome should not be."""
    if found.seconds > HANG_SECONDS:
        return [f"a hang: over {HANG_SECONDS} s"]
    problems = []
    allowed = {0, 1, 2} if argv[:1] == ["check"] else {0, 2}
    if found.code not in allowed:
        problems.append(f"exit code {found.code}")
    for name, content in (("stdout", found.stdout), ("stderr", found.stderr)):
        text = content.decode("utf-8", "surrogateescape")
        if has_controls(re.sub("[\n\t]" if name == "stdout" else "\n", "", text)):
            problems.append(f"a control character on {name}")
        if TOKEN in text:
            problems.append(f"a token on {name}")
    if found.code in allowed:
        lines = found.stderr.decode("utf-8", "surrogateescape").splitlines()
        strange = [line for line in lines if not line.startswith("lora-cli: ")]
        if strange:
            problems.append(f"a line on stderr that is not ours: {strange[0]!a}")
        errors = [line for line in lines if line.startswith("lora-cli: error: ")]
        # GitHub's log has it once, as an annotation.
        errors += [line for line in found.stdout.decode("utf-8", "replace").splitlines() if ANNOTATION.match(line)]
        # A finding of inspect may be an error of the adapter, and the run itself is fine.
        troubles = [line for line in errors if not FINDING.search(line)]
        if not errors if found.code == 2 else troubles:
            problems.append(f"exit code {found.code} with {len(lines)} lines on stderr")
        if len(found.stderr) > 20_000:
            problems.append(f"{len(found.stderr)} bytes on stderr")
    problems += [f"half a file: {path.name}" for path in folder.iterdir() if path.name.endswith(".partial")]
    return problems + half_plots(folder) + _half_documents(argv, folder, found)


def _half_documents(argv: list[str], folder: Path, found: Outcome) -> list[str]:
    """Return the JSON documents that are not whole."""
    is_answered = found.code in ANSWERED
    written = {"out.json": "-o" in argv, "counts.lock": "--update-lock" in argv and is_answered}
    paths = [folder / name for name, expected in written.items() if expected]
    documents = [path.read_bytes() for path in paths if path.is_file()]
    is_printed = not any(word.startswith(("-o", "--output")) for word in argv)
    if "--json" in argv and is_printed and is_answered:
        documents.append(found.stdout)
    problems = []
    for document in documents:
        try:
            json.loads(document)
        except (ValueError, RecursionError):
            problems.append("half a JSON document")
    if found.stdout.startswith(b"<?xml"):
        try:
            ET.fromstring(found.stdout)  # noqa: S314 - it is the program's own
        except ET.ParseError:
            problems.append("half an XML document")
    return problems


def one(seed: int, number: int, folder: Path) -> tuple[str, list[str], Outcome, list[str]]:
    """Run an input; return its kind, its command line, what it did, and what it should not have done."""
    draw = Random(f"{seed}:{number}")
    kind = draw.choice(list(kinds.KINDS))
    # So deep that a path with ".." still leads into the folder.
    inside = folder / "1/2/3"
    inside.mkdir(parents=True)
    argv = kinds.KINDS[kind](draw, inside)
    before = set(folder.rglob("*"))
    found = outcome(argv, inside)
    return kind, argv, found, broken_promises(argv, inside, found) + strayed(kind, set(folder.rglob("*")) - before)


def strayed(kind: str, written: set[Path]) -> list[str]:
    """Return the files that were written outside the Hub's cache by a run that only reads from a Hub."""
    streams = {"stdout", "stderr"}
    outside = [path for path in written if HOME not in path.parts and path.name not in streams]
    return [f"a file outside the cache: {path.name!a}" for path in outside] if kind in HUB_KINDS else []


def batch(seed: int, numbers: range, end: float) -> tuple[Counter[str], list[str]]:
    """Run some inputs until it is time to end; return how many of each kind there were, and what went wrong."""
    ran: Counter[str] = Counter()
    reports = []
    for number in numbers:
        if time.time() > end:
            break
        folder = Path(tempfile.mkdtemp())
        try:
            kind, argv, found, problems = one(seed, number, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        ran[kind] += 1
        if problems:
            last = (found.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[-3:]
            shown = " ".join(word[:80] for word in argv)
            reports.append(f"--seed {seed} --only {number}: {kind}: {'; '.join(problems)}\n  {shown!a}\n  {last!a}")
    return ran, reports


def again(seed: int, number: int) -> int:
    """Run one input, and keep and show what it wrote."""
    folder = Path(tempfile.mkdtemp())
    kind, argv, found, problems = one(seed, number, folder)
    print(f"{kind} in {folder}, {found.seconds:.1f} s: lora-cli {argv!a}")
    print(f"exit code {found.code}\n{found.stdout[:2000]!a}")
    print(found.stderr.decode("utf-8", "backslashreplace"))
    print("\n".join(problems) or "no promise is broken")
    return int(bool(problems))


def run() -> int:
    """Read the options, and run the inputs on all cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10**9, help="how many")
    parser.add_argument("--seconds", type=float, default=10**6, help="stop after that many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", type=int, help="the number of one input")
    own = parser.parse_args()
    kinds.warm_up()
    if own.only is not None:
        return again(own.seed, own.only)
    end = time.time() + own.seconds
    ran: Counter[str] = Counter()
    reports: list[str] = []
    starts = range(0, min(own.inputs, int(own.seconds * 2000)), BATCH)
    with ProcessPoolExecutor(own.jobs) as pool:
        tasks = [pool.submit(batch, own.seed, range(at, min(at + BATCH, own.inputs)), end) for at in starts]
        for task in tasks:
            counted, found = task.result()
            ran += counted
            reports += found
            for report in found[: max(0, SHOWN - len(reports) + len(found))]:
                print(report, flush=True)
    listed = ", ".join(f"{amount} {kind}" for kind, amount in sorted(ran.items()))
    print(f"{ran.total()} inputs ({listed}): {len(reports)} broke a promise")
    return int(bool(reports))


if __name__ == "__main__":
    sys.exit(run())
