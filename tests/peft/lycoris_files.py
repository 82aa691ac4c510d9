"""Files that lycoris-lora writes of a small network, and what it makes of each module when it loads them.

`python tests/peft/lycoris_files.py` records their headers, the values of their scalars and these facts in
tests/reference/lycoris.json, for machines without torch.
"""

from __future__ import annotations

import json
import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lycoris import LycorisNetwork, create_lycoris, create_lycoris_from_weights
from safetensors.torch import load_file
from torch import nn

RECORDED = Path(__file__).parents[1] / "reference" / "lycoris.json"
logging.getLogger("LyCORIS").setLevel(logging.ERROR)

# What a case asks of lycoris; `linear_dim` and `linear_alpha` are 4 and 2 unless it says otherwise.
CASES: dict[str, dict[str, Any]] = {
    "lora": {"algo": "lora"},
    "locon": {"algo": "lora", "conv_dim": 3, "conv_alpha": 1.5, "linear_alpha": 8},
    "locon with a core": {"algo": "lora", "use_tucker": True},
    "dora": {"algo": "lora", "dora_wd": True},
    "dora on inputs": {"algo": "lora", "dora_wd": True, "wd_on_output": False},
    "loha": {"algo": "loha"},
    "loha with a core": {"algo": "loha", "use_tucker": True, "conv_dim": 2},
    "loha with a magnitude": {"algo": "loha", "dora_wd": True},
    "lokr": {"algo": "lokr", "linear_dim": 2},
    "lokr of two low-rank factors": {"algo": "lokr", "linear_dim": 1, "decompose_both": True},
    "lokr by a factor": {"algo": "lokr", "linear_dim": 2, "factor": 4},
    "lokr with a core": {"algo": "lokr", "linear_dim": 1, "use_tucker": True},
    "lokr without a low-rank factor": {"algo": "lokr", "linear_dim": 100_000},
    "lokr with a magnitude": {"algo": "lokr", "linear_dim": 2, "dora_wd": True},
    "full": {"algo": "full", "train_norm": True},
    "lora and norms": {"algo": "lora", "train_norm": True},
    "ia3": {"algo": "ia3"},
    "glora": {"algo": "glora"},
    "diag-oft": {"algo": "diag-oft", "rescaled": True, "constraint": 0.5},
    "boft": {"algo": "boft"},
    "tlora": {"algo": "tlora"},
    "dylora": {"algo": "dylora", "block_size": 2},
    "a mixture": {"algo": "lora", "train_norm": True, "preset": "mixed"},
}
# Algorithms by the class of the module.
MIXED = {
    "lora_prefix": "lora_unet",
    "module_algo_map": {
        "Attention": {"algo": "lokr", "factor": 4, "dim": 2},
        "Feed": {"algo": "loha", "dim": 3, "alpha": 6},
    },
}
PREFIX = {"lora_prefix": "lora_unet", "module_algo_map": {}}
TYPES = {"loha": torch.float16, "lokr": torch.bfloat16}
METADATA = {
    "ss_steps": "1200",
    "ss_epoch": "10",
    "ss_learning_rate": "0.0001",
    "ss_network_dim": "4",
    "ss_network_alpha": "2.0",
    "ss_sd_model_name": "sd_xl_base_1.0.safetensors",
    "ss_tag_frequency": '{"1_cat": {"cat": 12}}',
}


class Attention(nn.Module):
    """Linears as an attention has them."""

    def __init__(self) -> None:
        super().__init__()
        self.to_q = nn.Linear(32, 64, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(64, 32), nn.Identity()])


class Feed(nn.Module):
    """A feed-forward of two Linears."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(32, 128)
        self.down = nn.Linear(128, 32)


class Network(nn.Module):
    """A module of each kind that lycoris adapts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(8, 16, 3)
        self.point = nn.Conv2d(16, 32, 1)
        self.blocks = nn.ModuleList(nn.ModuleDict({"attn": Attention(), "ff": Feed()}) for _ in range(2))
        self.norm = nn.LayerNorm(32)
        self.group_norm = nn.GroupNorm(4, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return anything: nothing is run."""
        return x


def write(path: Path, case: str, seed: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Write the file of a case and return what lycoris makes of its modules: name, algorithm, rank, alpha, scaling.

    All values are random, as after some training.
    """
    torch.manual_seed(seed)
    asked = {"linear_dim": 4, "linear_alpha": 2} | CASES[case] | fields
    LycorisNetwork.apply_preset(MIXED if asked.pop("preset", None) else PREFIX)
    network = create_lycoris(Network(), 1.0, **asked, warn_on_unmatched=False)
    LycorisNetwork.apply_preset(PREFIX)
    network.apply_to()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    network.save_weights(str(path), TYPES.get(str(asked["algo"])), dict(METADATA))
    return [_facts(lora) for lora in network.loras]


def loaded(path: Path) -> list[dict[str, Any]]:
    """Return what lycoris makes of the modules of a file."""
    LycorisNetwork.apply_preset(PREFIX)
    with torch.no_grad():
        network, _ = create_lycoris_from_weights(1.0, str(path), Network())
    return [_facts(lora) for lora in network.loras]


def _facts(lora: Any) -> dict[str, Any]:
    alpha = getattr(lora, "alpha", None)
    return {
        "name": lora.lora_name,
        "algorithm": getattr(lora, "name", "dylora"),
        "r": getattr(lora, "lora_dim", None),
        "alpha": None if alpha is None else float(alpha),
        "scaling": getattr(lora, "scale", None),
        "trained": sum(parameter.numel() for parameter in lora.parameters()),
    }


def record() -> dict[str, Any]:
    """Return the headers of all cases, the scalars in them, and what lycoris made of their modules."""
    found: dict[str, Any] = {"lycoris-lora": version("lycoris-lora"), "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            path = Path(folder) / "file.safetensors"
            modules = write(path, case)
            tensors = load_file(path)
            scalars = {key: float(tensor) for key, tensor in tensors.items() if not tensor.shape}
            content = path.read_bytes()
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            found[case] = {"header": header, "scalars": scalars, "modules": modules}
    return found


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(record(), separators=(",", ":")).replace('},"', '},\n"') + "\n")
