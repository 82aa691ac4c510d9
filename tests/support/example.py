"""README's example on disk: a small base model, an adapter trained on it, and one that training broke.

`python tests/support/example.py FOLDER` writes `base`, `my-adapter`, `broken`, a trainer's `sft.json`,
`style.safetensors` as kohya's scripts write it, and a pyproject.toml. It needs nothing but Python and lora-cli.
"""

from __future__ import annotations

import json
import random
import sys
from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod, sqrt
from pathlib import Path
from types import MappingProxyType
from typing import Any

import checkpoints

from lora_cli.models.config import Config
from lora_cli.models.model import read_config

BASE = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 256,
}
# What `check` without a subject looks at.
PYPROJECT = """\
[[tool.lora-cli.check]]
path = "my-adapter"
max-bytes = "50kB"

[[tool.lora-cli.check]]
model = "llama-3.2-3b"
target = "all-linear"
r = 8
max-params = "20M"
"""
# LLaMA-Factory's own configuration of a training.
RECIPE = {
    "stage": "sft",
    "model_name_or_path": "meta-llama/Llama-3.1-8B-Instruct",
    "finetuning_type": "lora",
    "lora_rank": 16,
    "lora_target": "all",
    "cutoff_len": 2048,
    "per_device_train_batch_size": 1,
    "bf16": True,
}
RANK = 8
# The notes of kohya's scripts on a training, and the names of a file's modules.
NOTES = {
    "ss_sd_model_name": "sd_xl_base_1.0.safetensors",
    "ss_network_dim": "8",
    "ss_network_alpha": "4.0",
    "ss_steps": "1600",
    "ss_epoch": "10",
    "ss_learning_rate": "0.0001",
}
STYLED = [f"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_{name}" for name in ("q", "k", "v")]
ADAPTER = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "base_model_name_or_path": "base",
    "r": RANK,
    "lora_alpha": 16,
    "target_modules": ["q_proj", "v_proj"],
}
SIDES = {"q_proj": (128, 128), "v_proj": (128, 64)}


def write(folder: Path) -> None:
    """Write the three folders, the recipe, the style and the project's file."""
    for name, content in _files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@cache
def _files() -> Mapping[str, bytes]:
    """Return the content of each file by its path."""
    files = {"pyproject.toml": PYPROJECT.encode(), "sft.json": _json(RECIPE)}
    source = random.Random(0)
    shapes = {parameter.name: parameter.shape for parameter in read_config(Config(BASE), "base").all_parameters()}
    weights = {name: _normal(source, shape, [1 / sqrt(shape[-1])]) for name, shape in shapes.items()}
    files |= {"base/config.json": _json(BASE), "base/model.safetensors": _safetensors(weights, shapes)}
    shapes, values = {}, {}
    for layer in range(2):
        for name, (d, h) in SIDES.items():
            stem = f"base_model.model.model.layers.{layer}.self_attn.{name}.lora_"
            shapes[f"{stem}A.weight"], shapes[f"{stem}B.weight"] = (RANK, d), (h, RANK)
            values[f"{stem}A.weight"] = _normal(source, (RANK, d), [1 / sqrt(d)])
            # Each direction has half of the one before: most of the rank is hardly used.
            values[f"{stem}B.weight"] = _normal(source, (h, RANK), [0.001 * 0.5**k for k in range(RANK)])
    files |= _adapter("my-adapter", values, shapes)
    first, second, *_ = values
    values[first][7] = float("nan")
    del values[second]
    files |= _adapter("broken", values, shapes)
    sides = {"lora_down.weight": (RANK, 640), "lora_up.weight": (640, RANK), "alpha": ()}
    shapes = {f"{module}.{name}": shape for module in STYLED for name, shape in sides.items()}
    values = {
        name: array("f", [4.0]) if name.endswith("alpha") else _normal(source, shape, [0.01])
        for name, shape in shapes.items()
    }
    files["style.safetensors"] = _safetensors(values, shapes, NOTES)
    return MappingProxyType(files)


def _normal(source: random.Random, shape: Sequence[int], scales: Sequence[float]) -> array[float]:
    """Return normal numbers, each column of its own scale."""
    return array("f", (source.gauss(0, scales[index % len(scales)]) for index in range(prod(shape))))


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, indent=2).encode()


def _adapter(folder: str, values: Mapping[str, array[float]], shapes: Mapping[str, Sequence[int]]) -> dict[str, bytes]:
    return {
        f"{folder}/adapter_config.json": _json(ADAPTER),
        f"{folder}/adapter_model.safetensors": _safetensors(values, shapes),
    }


def _safetensors(
    values: Mapping[str, array[float]],
    shapes: Mapping[str, Sequence[int]],
    metadata: Mapping[str, str] = MappingProxyType({"format": "pt"}),
) -> bytes:
    tensors = checkpoints.entries({name: ("F32", shapes[name]) for name in sorted(values)})
    # As the safetensors library writes it: compact, and padded to eight bytes.
    header = json.dumps({"__metadata__": dict(metadata)} | tensors, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    content = b"".join(values[name].tobytes() for name in tensors)
    return len(header).to_bytes(8, "little") + header + content


def main() -> int:
    """Write the example into the folder that the command line names, which must hold no project."""
    if len(sys.argv) != 2 or (Path(sys.argv[1]) / "pyproject.toml").exists():
        print("give the folder to write to, one without a pyproject.toml", file=sys.stderr)
        return 2
    write(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
