"""All methods side by side must cost hardly more than one: their modules are small, and imported when asked for."""

from __future__ import annotations

import sys

from measure import LORA_CLI, Bound, alternate, judge, print_table, ratio

from lora_cli.methods import METHODS, method_named

ROUNDS = 15
OVER_ONE = 1.5
# A method of prompts needs a model, and what follows from other adapters or a whole decoder needs those.
MODELS_ONLY = ("xlora", "shadow", "lily", "trainable_tokens", "osf", "adalora")


def main() -> int:
    """Measure, print, and return the exit code."""
    names = [name for name in METHODS if name not in MODELS_ONLY and method_named(name).prompt_tensors is None]
    matrix = ["-d", "1024", "-h", "1024", "-r", "32", "--format", "json"]
    commands = {
        f"{len(names)} methods": [LORA_CLI, "sweep", *matrix, "--method", ",".join(names)],
        "one method": [LORA_CLI, "count", *matrix, "--method", "dora"],
        "plain LoRA": [LORA_CLI, "count", *matrix],
    }
    runs = alternate(commands, ROUNDS)
    print_table(f"median of {ROUNDS}", runs, "one method")
    all_of_them, one, _ = runs.values()
    return judge(Bound("all methods to one, time", ratio(all_of_them, one), OVER_ONE))


if __name__ == "__main__":
    sys.exit(main())
