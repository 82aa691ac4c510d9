"""A whole model must cost hardly more than one matrix, and a fraction of what asking PEFT costs.

The shortest PEFT script that prints the same two numbers builds the model on the meta device. It
needs the `peft` extra; `--peft PYTHON` names an interpreter that has it, if this one has not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from measure import LORA_CLI, Bound, alternate, judge, peak, print_table, ratio

from lora_cli.models.sources.preset import preset

ROUNDS, PEFT_ROUNDS = 15, 5
FASTER, SMALLER, OVER_ONE_MATRIX = 40, 8, 2
MODELS = ("llama-3.1-405b", "deepseek-v3")

PEFT_SCRIPT = """
import json, sys, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM
fields = json.load(open(sys.argv[1]))
with torch.device("meta"):
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(fields.pop("model_type"), **fields))
    print(*get_peft_model(model, LoraConfig(r=16, target_modules="all-linear")).get_nb_trainable_parameters())
"""


def main() -> int:
    """Measure, print, and return the exit code."""
    python = sys.argv[sys.argv.index("--peft") + 1] if "--peft" in sys.argv else sys.executable
    matrix = [LORA_CLI, "count", "-d", "1024", "-h", "1024", "-r", "32", "--format", "json"]
    bounds = []
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            config = Path(folder) / f"{model}.json"
            config.write_text(json.dumps(preset(model)))
            ours = [LORA_CLI, "count", "--model", model, "--target", "all-linear", "-r", "16", "--format", "json"]
            quick = alternate({model: ours, "one matrix": matrix}, ROUNDS)
            print_table(f"median of {ROUNDS}", quick, "one matrix")
            slow = alternate({model: ours, "PEFT": [python, "-c", PEFT_SCRIPT, str(config)]}, PEFT_ROUNDS)
            print_table(f"median of {PEFT_ROUNDS}", slow, model)
            result = json.loads(slow[model][0].output)["results"][0]
            figures = f"{result['trainable_params']} {result['all_params']}"
            differing = sum(run.output.strip().splitlines()[-1] != figures for run in slow["PEFT"])
            bounds += [
                Bound(f"{model} to one matrix, time", ratio(quick[model], quick["one matrix"]), OVER_ONE_MATRIX),
                Bound(f"PEFT to {model}, time", ratio(slow["PEFT"], slow[model]), FASTER, least=True),
                Bound(f"PEFT to {model}, peak", peak(slow["PEFT"]) / peak(slow[model]), SMALLER, least=True),
                Bound(f"{model}, figures that differ", differing, 0),
            ]
    return judge(*bounds)


if __name__ == "__main__":
    sys.exit(main())
