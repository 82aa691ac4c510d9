"""Write what a card measured as a reference file has it, with `--oracle` each run beside what that says.

    PYTHONPATH=. python tests/memory/cuda_rows.py RUNS.json --out CARD.json --card "NVIDIA H200, driver …" --command … --processors 132 2048

RUNS.json is what cuda_runs.py wrote. The process is what the driver counts as used more than before it began.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from tests.memory.cuda_further_runs import FURTHER_SHAPES
from tests.memory.cuda_run_list import DEFAULTS, SHAPES
from tests.memory.fake_model import CannotRun
from tests.memory.oracle import PHASES, Settings, measure
from tests.support.memory_rows import TASKS

Fields = dict[str, Any]
KERNELS = ("cudnn", "flash", "efficient")


def config_of(run: Mapping[str, Any]) -> Fields:
    """Return the config of a run's model."""
    changed = {"num_hidden_layers": run["layers"], "vocab_size": run["vocab"]}
    return (SHAPES | FURTHER_SHAPES)[run["model"]] | {name: size for name, size in changed.items() if size}


def oracle_of(run: Mapping[str, Any], processors: tuple[int, int]) -> Fields:
    """Return what the oracle says of a run, also with the buffers of the card's reductions where they matter."""
    adapter = {**(run["adapter"] or {}), "task_type": TASKS[run["auto"]]}
    settings = Settings(**{name: run[name] for name in Settings.__slots__ if name in run})
    config = config_of(run)
    row = on_card = measure(config, adapter, settings, card=processors)
    if on_card["largest_reduction"]:
        row = measure(config, adapter, settings)
    found = {name: row[name] for name in ("by_phase", "static_bytes")}
    if row["by_phase"] == on_card["by_phase"]:
        return found
    return found | {"by_phase_with_reductions": on_card["by_phase"]}


def row_of(measured: Mapping[str, Any]) -> Fields:
    """Return a run as a reference file has it, without the oracle."""
    run, last = measured["run"], measured["steps"][-1]
    nodes = " ".join(measured["steps"][0]["graph"]).lower()
    settings = {name: run[name] for name, usual in DEFAULTS.items() if run[name] != usual}
    return {
        **{name: run[name] for name in ("name", "model", "adapter")},
        "settings": settings,
        "allocated_by_phase": {phase: last[phase]["peak"] for phase in PHASES},
        "allocated_first_step": {phase: measured["steps"][0][phase]["peak"] for phase in PHASES},
        "allocated_between_steps": last["between"],
        "allocated_built": measured["built"]["allocated"],
        "reserved_built": measured["built"]["reserved"],
        "reserved_by_step": measured["reserved_by_step"],
        "process_bytes": measured["used_end"] - measured["used_before"],
        "segments": measured["segments"],
        "attention_kernels": [kernel for kernel in KERNELS if f"{kernel}attention" in nodes],
        **{name: measured[name] for name in ("trainable", "parameters")},
    }


def context_of(measured: Mapping[str, Any]) -> Fields:
    """Return what a process took as its context and first kernels appeared."""
    names = {"device_before": "before"}
    names |= {f"after_first_{what}": f"first_{what}" for what in ("tensor", "matmul", "attention")}
    names |= {"reserved_then": "reserved", "allocated_after_first_matmul": "first_matmul_allocated"}
    return {name: measured[own] for name, own in names.items()} | {
        "free_bytes": measured["free"],
        "total_bytes": measured["total"],
    }


def written(head: Mapping[str, Any], rows: list[Fields]) -> str:
    """Return the text of a reference file, a run a line."""
    text = json.dumps(head, indent=1).removesuffix("\n}")
    return text + ',\n "runs": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]\n}\n"


def main() -> None:
    """Turn one file into the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--card", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--processors", type=int, nargs=2, required=True)
    parser.add_argument("--oracle", action="store_true")
    a = parser.parse_args()
    answers = [json.loads(file.read_text()) for file in a.runs]
    measured = [each for answer in answers for each in answer["runs"] if "error" not in each]
    rows = []
    for each in measured:
        row = row_of(each)
        if a.oracle:
            try:
                row["oracle"] = oracle_of(each["run"], tuple(a.processors))
            except (CannotRun, NotImplementedError) as reason:
                print(f"{row['name']}: no oracle, {reason}", file=sys.stderr)
        rows.append(row)
    own = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
    head = {
        "card": a.card,
        "command": a.command,
        "versions": answers[0]["versions"],
        **({"oracle_versions": own} if a.oracle else {}),
        "steps": len(measured[0]["steps"]),
        "defaults": DEFAULTS,
        "context": context_of(answers[0]["context"]),
        "shapes": {row["model"]: (SHAPES | FURTHER_SHAPES)[row["model"]] for row in rows},
    }
    a.out.write_text(written(head, rows))


if __name__ == "__main__":
    main()
