"""What the file of a PEFT adapter has for each module, in the words of all formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.models.checkpoints.safetensors_header import Stored


@dataclass(frozen=True, slots=True)
class PeftUpdates(Mapping[str, ModuleUpdate]):
    """Updates that are made when they are asked for, as a file may have hundreds of thousands."""

    label: str
    by_module: Mapping[str, Mapping[str, Stored]]
    factors: Mapping[str, Factors]

    def __getitem__(self, module: str) -> ModuleUpdate:
        tensors, pair = self.by_module[module], self.factors.get(module)
        if pair is None:
            return ModuleUpdate(module, self.label, tensors)
        sides = pair.a.shape[1], pair.b.shape[0]
        return ModuleUpdate(module, self.label, tensors, *sides, pair.r, pair.alpha, pair.scaling, pair)

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_module)

    def __len__(self) -> int:
        return len(self.by_module)
