"""A model of several parts must cost at most twice what a plain decoder costs, however many parts it has."""

from __future__ import annotations

import sys

from measure import LORA_CLI, Bound, alternate, judge, print_table, ratio

ROUNDS = 15
OVER_DECODER = 2
DECODER = "llama-3.1-8b"
COMPOSITES = (
    "gemma-3-4b",
    "gemma-4-e4b",
    "granite-4.0-h-small",
    "mistral-small-3.2-24b",
    "qwen2.5-vl-7b",
    "qwen3-vl-30b-a3b",
    "qwen3.5-35b-a3b",
)


def main() -> int:
    """Measure, print, and return the exit code."""
    count = [LORA_CLI, "count", "--target", "all-linear", "-r", "16", "--format", "json", "--model"]
    runs = alternate({name: [*count, name] for name in (DECODER, *COMPOSITES)}, ROUNDS)
    print_table(f"median of {ROUNDS}", runs, DECODER)
    return judge(
        *(Bound(f"{name} to {DECODER}, time", ratio(runs[name], runs[DECODER]), OVER_DECODER) for name in COMPOSITES)
    )


if __name__ == "__main__":
    sys.exit(main())
