"""Classes of diffusers with adapters of every method, and what PEFT says of them.

`python tests/peft/components.py` records some in tests/reference/components.ndjson, for the tests that run without
torch. It needs the `peft` extra.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import diffusers
import peft
import torch

from lora_cli.models.registry import class_names

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import methods

RECORDED = Path(__file__).parents[1] / "reference" / "components.ndjson"
A_CLASS = 8
# Files are compared too, so the models are built with their values: small ones.
MOST_PARAMS, MOST_SIDE = 3_000_000, 1100
SDXL = {
    "_class_name": "UNet2DConditionModel",
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "attention_head_dim": [5, 10, 20],
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "projection_class_embeddings_input_dim": 2816,
    "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
STABLE_DIFFUSION = {"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768}
# What is counted on some models only is not counted on these.
METHODS = [name for name in methods.DRAWS if name not in methods.ONLY]
USUAL: list[dict[str, Any]] = [
    {"peft_type": "LORA", "r": 16, "target_modules": "all-linear"},
    {"peft_type": "LORA", "r": 4, "target_modules": ["to_k", "to_q", "to_v", "to_out.0"]},
]


def drawn_case(method: str, class_name: str, source: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a small model and an adapter_config.json of a method for it."""
    while True:
        config, model = adapters.drawn_model(class_name, source)
        if model.full_params <= MOST_PARAMS and all(max(m.d, m.h) <= MOST_SIDE for m in model.modules):
            return config, methods.settings(method, model, source)


def record() -> None:
    """Write the recorded reference anew: whole models as they are, and drawn ones with the size of the saved file."""
    versions = f"peft {peft.__version__}, diffusers {diffusers.__version__}, torch {torch.__version__}"
    lines = [json.dumps({"made by": "python tests/peft/components.py", "with": versions})]
    whole = [STABLE_DIFFUSION, SDXL, *({"_class_name": name} for name in class_names())]
    for config in whole:
        for adapter in USUAL:
            answer = adapters.theirs(config, adapter)
            figures = None if isinstance(answer, Exception) else answer[:2]
            lines.append(json.dumps({"config": config, "adapter": adapter, "figures": figures, "bytes": None}))
    for class_name in class_names():
        for turn in range(A_CLASS):
            source = random.Random(f"recorded/{class_name}/{turn}")
            config, adapter = drawn_case(source.choice(METHODS), class_name, source)
            saved = methods.theirs(config, adapter)
            figures, size = (None, None) if isinstance(saved, Exception) else (saved[:2], saved[2])
            lines.append(json.dumps({"config": config, "adapter": adapter, "figures": figures, "bytes": size}))
    RECORDED.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    record()
