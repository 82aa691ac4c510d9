"""Adapter files that mlx-lm writes, and what it makes of them.

`python tests/peft/mlx_files.py` records some in tests/reference/mlx_files.ndjson, for the tests that run without mlx. It
needs `pip install mlx-lm "mlx[cpu]"`; recorded with mlx-lm 0.32.2.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from mlx_lm import __version__
from mlx_lm.models import llama, mixtral
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import save_config

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from patterns import pattern

RECORDED = Path(__file__).parents[1] / "reference" / "mlx_files.ndjson"
SIZES = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 40,
}
LLAMA = (llama, {"model_type": "llama", "head_dim": 4, **SIZES})
MIXTRAL = (mixtral, {"model_type": "mixtral", "num_local_experts": 3, **SIZES})
# A model, how many of its last layers are tuned and how, and what of them.
CASES: dict[str, tuple[Any, int, str, dict[str, Any]]] = {
    "lora": (LLAMA, 2, "lora", {"rank": 4, "scale": 20.0}),
    "one target": (LLAMA, 3, "lora", {"rank": 2, "scale": 0.5, "keys": ["self_attn.q_proj"]}),
    "embeddings": (LLAMA, 1, "lora", {"rank": 3, "scale": 8.0, "keys": ["self_attn.v_proj", "model.embed_tokens"]}),
    "dora": (LLAMA, 1, "dora", {"rank": 4, "scale": 10.0}),
    "full": (LLAMA, 1, "full", {}),
    "experts": (MIXTRAL, 1, "lora", {"rank": 2, "scale": 10.0}),
}


def recorded(name: str, folder: Path) -> dict[str, Any]:
    """Write an adapter as `mlx_lm.lora` does, and return its config, its header and what mlx-lm has of each module."""
    (package, sizes), layers, kind, parameters = CASES[name]
    model = package.Model(package.ModelArgs.from_dict(sizes))
    model.freeze()
    if kind == "full":
        for layer in model.layers[-layers:]:
            layer.unfreeze()
    else:
        linear_to_lora_layers(model, layers, {"dropout": 0.0, **parameters}, use_dora=kind == "dora")
    weights = dict(tree_flatten(model.trainable_parameters()))
    if kind == "lora":
        model.load_weights([(key, mx.array(pattern(key, value.shape))) for key, value in weights.items()], strict=False)
        weights = dict(tree_flatten(model.trainable_parameters()))
    config = {
        "fine_tune_type": kind,
        "iters": 600,
        "learning_rate": 1e-5,
        "lora_parameters": {"dropout": 0.0, **parameters} if parameters else None,
        "model": "mlx-community/tiny",
        "num_layers": layers,
        "optimizer": "adam",
    }
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    save_config(dict(config), folder / "adapter_config.json")
    content = (folder / "adapters.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return {
        "name": name,
        "writer": f"mlx-lm {__version__}",
        "config": json.loads((folder / "adapter_config.json").read_text()),
        "metadata": header.pop("__metadata__", None),
        "tensors": {key: [entry["dtype"], entry["shape"]] for key, entry in header.items()},
        "bytes": len(content),
        "params": sum(value.size for value in weights.values()),
        "modules": {key: _module(module, kind) for key, module in model.named_modules() if "lora_a" in module},
    }


def _module(module: Any, kind: str) -> dict[str, Any]:
    """Return a module's rank and scale, and for LoRA the norm of what `fuse` adds to the weight."""
    rank = module.lora_a.shape[-2 if module.lora_a.ndim == 3 else -1]
    if kind == "dora":
        return {"r": rank, "scale": module.scale}
    inner = next(module[name] for name in ("linear", "embedding") if name in module)
    delta = np.asarray(module.fuse().weight, dtype=np.float64) - np.asarray(inner.weight, dtype=np.float64)
    return {"r": rank, "scale": module.scale, "norm": float(np.linalg.norm(delta))}


def record() -> None:
    """Write the recorded reference anew."""
    with RECORDED.open("w") as file:
        for name in CASES:
            with tempfile.TemporaryDirectory() as folder:
                file.write(json.dumps(recorded(name, Path(folder))) + "\n")


if __name__ == "__main__":
    record()
