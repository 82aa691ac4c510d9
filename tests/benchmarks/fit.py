"""Finding the rank that fits a budget must cost hardly more than counting at one rank, other targets included."""

from __future__ import annotations

import json
import sys

from measure import LORA_CLI, Bound, alternate, judge, print_table, ratio

ROUNDS = 21
OVER_ONE_COUNT = 2
SUBJECT = ["--model", "llama-3.1-405b", "--target", "all-linear", "--format", "json"]
BUDGETS = {"parameters": ["--max-params", "1B"], "bytes": ["--max-bytes", "5GB"], "percent": ["--max-percent", "0.2"]}


def main() -> int:
    """Measure, print, and return the exit code."""
    commands = {"count at one rank": [LORA_CLI, "count", *SUBJECT, "-r", "16"]}
    commands |= {f"fit by {name}": [LORA_CLI, "fit", *SUBJECT, *budget] for name, budget in BUDGETS.items()}
    alternate(commands, 1)
    runs = alternate(commands, ROUNDS)
    print_table(f"median of {ROUNDS}", runs, "count at one rank")
    found = json.loads(runs["fit by parameters"][0].output)["results"][0]
    step = found["trainable_params"] // found["r"]
    counted = runs["count at one rank"]
    return judge(
        *(
            Bound(f"fit by {name} to one count, time", ratio(runs[f"fit by {name}"], counted), OVER_ONE_COUNT)
            for name in BUDGETS
        ),
        Bound("ranks short of budget / step", 10**9 // step - found["r"], 0, unit=""),
    )


if __name__ == "__main__":
    sys.exit(main())
