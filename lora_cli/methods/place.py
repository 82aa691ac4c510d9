"""One place of a model that a config adapts."""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.models.nodes import Module, Parameter


class Place(NamedTuple):
    """One adapted place: a module, or a bare parameter (fused experts), and its rank.

    A module that is none of the kinds with a weight of d × h is `whole`: all parameters in it, named below it.
    """

    module: Module
    r: int
    experts: int = 1
    parameter: bool = False
    whole: tuple[Parameter, ...] = ()

    @property
    def owner(self) -> str:
        """The name of the module that is adapted, or that holds the adapted parameter."""
        return self.module.name.rpartition(".")[0] if self.parameter else self.module.name

    @property
    def full_params(self) -> int:
        """The parameters of the weight that is adapted, all experts together."""
        return sum(p.params for p in self.whole) or self.experts * self.module.weight_params
