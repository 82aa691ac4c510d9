"""Adapters of torchtune: the tensors that its recipes save, and what its own models have of them.

`python tests/peft/torchtune_files.py` records some in tests/reference/torchtune_files.ndjson, for the tests that run
without it. It needs `pip install torchtune torchao==0.13.0`; recorded with torchtune 0.6.1.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torchtune.models.convert_weights import tune_to_peft_adapter_weights
from torchtune.models.llama3_2 import lora_llama3_2
from torchtune.models.phi3 import lora_phi3
from torchtune.modules.peft import get_adapter_state_dict

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from patterns import pattern

RECORDED = Path(__file__).parents[1] / "reference" / "torchtune_files.ndjson"
SIZES: dict[str, Any] = {
    "embed_dim": 16,
    "intermediate_dim": 24,
    "max_seq_len": 8,
    "num_heads": 4,
    "num_kv_heads": 2,
    "num_layers": 2,
    "vocab_size": 40,
}
ATTENTION = ["q_proj", "k_proj", "v_proj", "output_proj"]
# A builder of a model, and how it is tuned.
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "lora": (lora_llama3_2, {"lora_attn_modules": ["q_proj", "v_proj"], "lora_rank": 4, "lora_alpha": 8}),
    "mlp": (
        lora_llama3_2,
        {"lora_attn_modules": ATTENTION, "apply_lora_to_mlp": True, "lora_rank": 2, "lora_alpha": 3},
    ),
    "dora": (
        lora_llama3_2,
        {
            "lora_attn_modules": ["k_proj"],
            "apply_lora_to_mlp": True,
            "lora_rank": 3,
            "lora_alpha": 16,
            "use_dora": True,
        },
    ),
    "phi3": (lora_phi3, {"lora_attn_modules": ["q_proj", "output_proj"], "lora_rank": 4, "lora_alpha": 16}),
}


def recorded(name: str) -> dict[str, Any]:
    """Return an adapter's header, what torchtune has of each module, and the keys that it writes for PEFT."""
    builder, parameters = CASES[name]
    model = builder(**SIZES, **parameters)
    tensors = {
        key: torch.from_numpy(pattern(key, values.shape).copy())
        for key, values in get_adapter_state_dict(model.state_dict()).items()
    }
    model.load_state_dict(tensors, strict=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "adapter.safetensors"
        save_file(tensors, path, metadata={"format": "pt"})
        size = path.stat().st_size
    modules = {key: module for key, module in model.named_modules() if hasattr(module, "lora_a")}
    scalings = {
        key: module.scaling if hasattr(module, "scaling") else module.alpha / module.rank
        for key, module in modules.items()
    }
    return {
        "name": name,
        "writer": f"torchtune {version('torchtune')}",
        "metadata": {"format": "pt"},
        "tensors": {key: ["F32", list(values.shape)] for key, values in tensors.items()},
        "bytes": size,
        "params": sum(values.numel() for values in tensors.values()),
        "config": {
            "r": parameters["lora_rank"],
            "lora_alpha": parameters["lora_alpha"],
            "target_modules": [*{module.rpartition(".")[2]: None for module in modules}],
            "peft_type": "LORA",
        },
        "modules": {
            key: {
                "r": module.lora_a.out_features,
                "scale": scalings[key],
                "norm": torch.linalg.norm(scalings[key] * module.lora_b.weight @ module.lora_a.weight).item(),
            }
            for key, module in modules.items()
        },
        "peft_keys": sorted(_for_peft(name, tensors)),
    }


def _for_peft(name: str, tensors: dict[str, torch.Tensor]) -> list[str]:
    """Return the keys that torchtune's checkpointer writes for PEFT, which it does not for phi3."""
    if name == "phi3":
        return []
    sizes = {"num_heads": SIZES["num_heads"], "num_kv_heads": SIZES["num_kv_heads"], "dim": SIZES["embed_dim"]}
    return [*tune_to_peft_adapter_weights(tensors, **sizes)]


if __name__ == "__main__":
    RECORDED.write_text("".join(json.dumps(recorded(name)) + "\n" for name in CASES))
