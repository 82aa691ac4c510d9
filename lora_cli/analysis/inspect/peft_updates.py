"""What the file of a PEFT adapter has for each module, in the words of all formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lora_cli.analysis.inspect.lora_names import A_NAMES, B_NAMES
from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.models.checkpoints.safetensors_header import Stored


@dataclass(frozen=True, slots=True)
class PeftUpdates(Mapping[str, ModuleUpdate]):
    """Updates that are made when they are asked for, as a file may have hundreds of thousands."""

    label: str
    by_module: Mapping[str, Mapping[str, Stored]]
    factors: Mapping[str, Factors]
    constants: frozenset[str]

    def __getitem__(self, module: str) -> ModuleUpdate:
        tensors, pair = self.by_module[module], self.factors.get(module)
        if pair is None:
            return ModuleUpdate(module, self.label, tensors, *_sizes_of_one(tensors), constants=self.constants)
        sides = pair.a.shape[1], pair.b.shape[0]
        return ModuleUpdate(
            module, self.label, tensors, *sides, pair.r, pair.alpha, pair.scaling, pair, constants=self.constants
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_module)

    def __len__(self) -> int:
        return len(self.by_module)


def _sizes_of_one(tensors: Mapping[str, Stored]) -> tuple[int | None, int | None, int | None]:
    """Return what one of A and B tells of d, h and r where the other is missing; nothing of other tensors."""
    shapes = {name: stored.shape for name, stored in tensors.items() if len(stored.shape) > 1}
    a, b = (next((shapes[name] for name in names if name in shapes), None) for names in (A_NAMES, B_NAMES))
    d, h = None if a is None else a[1], None if b is None else b[0]
    return d, h, a[0] if a is not None else None if b is None else b[1]
