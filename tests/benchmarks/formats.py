"""An adapter in any format must be inspected by its header about as fast as PEFT's with as many tensors of the same bytes."""

from __future__ import annotations

import json
import os
import struct
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from measure import LORA_CLI, Bound, alternate, judge, print_table, ratio

ROUNDS = 15
OVER_PEFT = 1.2
LAYERS, R, D = 700, 64, 1280
# The names of a layer's A and B, and whether they are stored transposed.
NAMES = {
    "peft/adapter_model": ("base_model.model.model.layers.{}.self_attn.q_proj.lora_A.weight", ".lora_B.weight", False),
    "kohya": ("lora_unet_input_blocks_{}_1_transformer_blocks_0_attn1_to_q.lora_down.weight", ".lora_up.weight", False),
    "comfyui": ("diffusion_model.double_blocks.{}.img_attn.proj.lora_A.weight", ".lora_B.weight", False),
    "diffusers": ("unet.down_blocks.{}.attentions.0.proj_in.lora_A.weight", ".lora_B.weight", False),
    "mlx/adapters": ("model.layers.{}.self_attn.q_proj.lora_a", ".lora_b", True),
    "torchtune": ("layers.{}.attn.q_proj.lora_a.weight", ".lora_b.weight", False),
}
CONFIGS: Mapping[str, Mapping[str, object]] = {
    "peft": {"peft_type": "LORA", "r": R, "target_modules": ["q_proj"]},
    "mlx": {"fine_tune_type": "lora", "num_layers": LAYERS, "lora_parameters": {"rank": R, "scale": 20.0}},
}


def write(path: Path, first: str, second: str, *, transposed: bool) -> None:
    """Write a file of zeros that takes no room on the disk."""
    sides = ([D, R], [R, D]) if transposed else ([R, D], [D, R])
    header, end = {}, 0
    for layer in range(LAYERS):
        a = first.format(layer)
        for name, shape in zip((a, a[: a.rindex(".lora_")] + second), sides, strict=True):
            header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + 2 * R * D]}
            end += 2 * R * D
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def main() -> int:
    """Measure, print, and return the exit code."""
    contenders = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, (first, second, transposed) in NAMES.items():
            path = Path(f"{name}.safetensors")
            path.parent.mkdir(exist_ok=True)
            write(path, first, second, transposed=transposed)
            subject = path.parent if path.parent.name else path
            if subject.name in CONFIGS:
                (subject / "adapter_config.json").write_text(json.dumps(CONFIGS[subject.name]))
            contenders[name.partition("/")[0]] = [LORA_CLI, "inspect", str(subject), "--format", "json"]
        runs = alternate(contenders, ROUNDS)
    print_table(f"median of {ROUNDS}", runs, "peft")
    found = [json.loads(each[0].output)["results"][0] for each in runs.values()]
    alike = {(adapter["adapted_modules"], adapter["max_rank"]) for adapter in found}
    return judge(
        *(
            Bound(f"{name} to PEFT, time", ratio(runs[name], runs["peft"]), OVER_PEFT)
            for name in runs
            if name != "peft"
        ),
        Bound(
            "formats that are taken for others", len({*contenders} ^ {adapter["format"] for adapter in found}), 0, ""
        ),
        Bound("figures that differ", len(alike) - 1, 0, ""),
    )


if __name__ == "__main__":
    sys.exit(main())
