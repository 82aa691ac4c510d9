"""What PEFT itself says of LoRA on one matrix: the truth that counts are compared with.

`python tests/peft/reference.py` records it in tests/reference/matrix.csv, for the tests that run
without torch. It needs the `peft` extra.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import peft
import torch

RECORDED = Path(__file__).parents[1] / "reference" / "matrix.csv"
FIELDS = ("d", "h", "r", "trainable_params", "all_params", "adapter_bytes")
SIZES = (
    (1, 1, 1),
    (6, 8, 2),
    (6, 8, 4),
    (8, 8, 20),
    (9, 10, 9),
    (10, 9, 10),
    (99, 1001, 7),
    (123, 4567, 9),
    (768, 768, 8),
    (1024, 1024, 32),
    (1, 100_000, 1),
    (2048, 512, 100),
    (3072, 8192, 64),
    (4096, 4096, 16),
)


class Toy(torch.nn.Module):
    """A model whose one module is the matrix W."""

    def __init__(self, d: int, h: int) -> None:
        super().__init__()
        self.W = torch.nn.Linear(d, h, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x·W."""
        return self.W(x)


def adapted(d: int, h: int, r: int, **settings: object) -> peft.PeftModel:
    """Return the toy model with LoRA on W."""
    return peft.get_peft_model(Toy(d, h), peft.LoraConfig(r=r, target_modules=["W"], **settings))


def counts(d: int, h: int, r: int) -> dict[str, int]:
    """Return PEFT's two figures, and the size of the file it saves."""
    model = adapted(d, h, r)
    trainable, everything = model.get_nb_trainable_parameters()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        size = (Path(folder) / "adapter_model.safetensors").stat().st_size
    return {"trainable_params": trainable, "all_params": everything, "adapter_bytes": size}


def record() -> None:
    """Write the recorded reference anew."""
    with RECORDED.open("w", newline="") as file:
        file.write(f"# peft {peft.__version__}, torch {torch.__version__}: python tests/peft/reference.py\n")
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        for d, h, r in SIZES:
            writer.writerow({"d": d, "h": h, "r": r, **counts(d, h, r)})


if __name__ == "__main__":
    record()
