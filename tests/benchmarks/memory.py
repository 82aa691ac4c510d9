"""The memory of a training must cost little more than a count, for the largest model too: equal blocks are replayed once."""

from __future__ import annotations

import sys

from measure import LORA_CLI, MIB, Bound, alternate, judge, peak, print_table, ratio

ROUNDS = 15
OVER_A_COUNT = 4.0
# With a card, the largest batch and length are searched for as well, on replays of every layer.
WITH_SEARCHES = 20.0
# Of Llama-3.1-405B, on a machine like any other: seconds are judged nowhere else, and are wide of the mark here.
SECONDS = 2.0
HELD_MIB = 100.0
TARGET = ["--target", "all-linear", "-r", "16", "--format", "json"]


def main() -> int:
    """Measure, print, and return the exit code."""
    bounds = []
    for model in ("llama-3.1-8b", "llama-3.1-405b"):
        commands = {
            "memory": [LORA_CLI, "memory", model, *TARGET],
            "memory on a card": [LORA_CLI, "memory", model, *TARGET, "--quantize", "nf4", "--vram", "1TiB"],
            "count": [LORA_CLI, "count", model, *TARGET],
        }
        runs = alternate(commands, ROUNDS)
        print_table(f"{model}, median of {ROUNDS}", runs, "count")
        bounds.append((model, runs))
    (_, small), (_, large) = bounds
    seconds = sorted(run.seconds for run in large["memory"])[ROUNDS // 2]
    return judge(
        Bound("memory to count, llama-3.1-8b", ratio(small["memory"], small["count"]), OVER_A_COUNT),
        Bound("the same with searches", ratio(small["memory on a card"], small["count"]), WITH_SEARCHES),
        Bound("llama-3.1-405b, time", seconds, SECONDS, " s"),
        Bound("llama-3.1-405b, peak memory", peak(large["memory"]) / MIB, HELD_MIB, " MiB"),
    )


if __name__ == "__main__":
    sys.exit(main())
