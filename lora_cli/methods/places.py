"""One place of a model that a config adapts."""

from __future__ import annotations

from dataclasses import dataclass

from lora_cli.models.module import Module


@dataclass(frozen=True, slots=True)
class Place:
    """One adapted place: a module, or a bare parameter (fused experts), and its rank."""

    module: Module
    r: int
    experts: int = 1
    parameter: bool = False

    @property
    def owner(self) -> str:
        """The name of the module that is adapted, or that holds the adapted parameter."""
        return self.module.name.rpartition(".")[0] if self.parameter else self.module.name

    @property
    def full_params(self) -> int:
        """The parameters of the weight that is adapted, all experts together."""
        return self.experts * self.module.weight_params
