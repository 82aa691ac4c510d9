"""A count must cost a shell loop or a CI job hardly more than any command line on Typer does."""

from __future__ import annotations

import sys
from pathlib import Path

from measure import LORA_CLI, Bound, alternate, judge, print_table, ratio

ROUNDS = 31
LIMIT = 1.25
SIZES = ("-d", "1024", "-h", "1024", "-r", "32")

OURS, MINIMAL, BARE = "lora-cli count", "minimal Typer app", "python -c pass"
COMMANDS = {
    OURS: [LORA_CLI, "count", *SIZES, "--format", "json"],
    MINIMAL: [sys.executable, str(Path(__file__).with_name("three_options.py")), *SIZES],
    BARE: [sys.executable, "-c", "pass"],
}


def main() -> int:
    """Measure, print, and return the exit code."""
    alternate(COMMANDS, 1)
    runs = alternate(COMMANDS, ROUNDS)
    print_table(f"median of {ROUNDS}", runs, BARE)
    return judge(Bound(f"{OURS} to {MINIMAL}", ratio(runs[OURS], runs[MINIMAL]), LIMIT))


if __name__ == "__main__":
    sys.exit(main())
