"""What a file holds for one module, whichever program wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.models.checkpoints.safetensors_header import Stored

Sizes = tuple[int, ...]


class Misfit(NamedTuple):
    """Two tensors of a module whose shapes do not fit each other, each by its name within the module."""

    name: str
    shape: Sizes
    other: str
    other_shape: Sizes


@dataclass(frozen=True, slots=True)
class ModuleUpdate:
    """The tensors that a file has for one module, and what its loader makes of them.

    `method` is what people call the way of adapting: lora, dora, loha, full. `tensors` has the module's tensors by
    their names within the module; LoRA's are called as in PEFT (`lora_A.weight`), whatever the file calls them.
    `d` and `h` are the inputs and outputs of the adapted weight, `r` the rank. `alpha` is what the file says, None
    without one; `scaling` is what the loader multiplies the update by, None where nothing scales it or where the file
    does not tell. A `pair` is there where the update is scaling · B·A; else `reason` says why it is not, as a clause
    that follows the module's name. `constants` names tensors that are not trained where a module has them, e.g. alpha. `missing` names
    tensors without which the loader fails, and `misfit` two that contradict each other.

    `config_r` is the rank that a config or metadata says, `older_scaling` the scaling in older releases of the loader
    where that is another, and `skipped` why the loader passes the module over in silence.
    """

    module: str
    method: str
    tensors: Mapping[str, Stored]
    d: int | None = None
    h: int | None = None
    r: int | None = None
    alpha: float | None = None
    scaling: float | None = None
    pair: Factors | None = None
    reason: str | None = None
    constants: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    misfit: Misfit | None = None
    config_r: int | None = None
    older_scaling: float | None = None
    skipped: str | None = None

    @property
    def trainable_params(self) -> int:
        """The number of values that training changed."""
        return sum(stored.values for name, stored in self.tensors.items() if name not in self.constants)
