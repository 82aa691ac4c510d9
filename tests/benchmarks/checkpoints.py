"""A checkpoint must answer hardly later than its config.json alone: only headers are read, whatever their tensors' size.

The checkpoints are written here, headers as the published ones have them and bytes behind them that take
no room on the disk: Llama-3.1-405B in bfloat16, and DeepSeek-V3 in FP8, whose 90,000 tensors are the most
that a well-known model has.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import LORA_CLI, Bound, alternate, judge, peak, print_table, ratio

from lora_cli.models.model import Model
from lora_cli.models.sources.preset import preset, read_preset

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import checkpoints

ROUNDS = 9
MIB = 2**20
SHARDS = {"llama-3.1-405b": 191, "deepseek-v3": 163}
# How many times as long as the config.json alone it may take.
OVER_CONFIG = {"llama-3.1-405b": 2, "deepseek-v3": 12}
PEAK_MIB = 150
BLOCK = 128

Tensor = tuple[str, tuple[str, tuple[int, ...]]]


def stored(model: Model) -> Iterator[Tensor]:
    """Yield a model's tensors as they are published: experts one by one, each in FP8 beside its scales."""
    for parameter in model.all_parameters():
        owner, _, leaf = parameter.name.rpartition(".")
        if not owner.endswith(".experts"):
            yield parameter.name, ("BF16", parameter.shape)
            continue
        experts, rows, columns = parameter.shape
        parts = ("gate_proj", "up_proj") if leaf == "gate_up_proj" else (leaf,)
        for expert in range(experts):
            for part in parts:
                name, shape = f"{owner}.{expert}.{part}.weight", (rows // len(parts), columns)
                yield name, ("F8_E4M3", shape)
                yield f"{name}_scale_inv", ("F32", tuple(-(-size // BLOCK) for size in shape))


def write(folder: Path, name: str) -> None:
    """Write a preset's checkpoint beside its config.json."""
    tensors = list(stored(read_preset(name)))
    size = -(-len(tensors) // SHARDS[name])
    checkpoints.write_shards(folder, *(dict(tensors[at : at + size]) for at in range(0, len(tensors), size)))
    (folder / "config.json").write_text(json.dumps(preset(name)))
    total = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    print(f"{name}: {len(tensors):,} tensors, {total / 10**9:,.0f} GB")


def main() -> int:
    """Measure, print, and return the exit code."""
    count = [LORA_CLI, "count", "--target", "all-linear", "-r", "16", "--format", "json", "--model"]
    bounds = []
    for name in SHARDS:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), name)
            runs = alternate({"checkpoint": [*count, folder], "config alone": [*count, name]}, ROUNDS)
            print_table(f"median of {ROUNDS}", runs, "config alone")
            figures = [json.loads(run.output)["results"][0] for runs in runs.values() for run in runs]
            totals = {(figure["full_params"], figure["trainable_params"]) for figure in figures}
            bounds += [
                Bound(
                    f"{name} to its config, time", ratio(runs["checkpoint"], runs["config alone"]), OVER_CONFIG[name]
                ),
                Bound(f"{name}, peak", peak(runs["checkpoint"]) / MIB, PEAK_MIB, " MiB"),
                Bound(f"{name}, figures that differ", len(totals) - 1, 0, ""),
            ]
    return judge(*bounds)


if __name__ == "__main__":
    sys.exit(main())
