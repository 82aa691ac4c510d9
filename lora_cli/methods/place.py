"""A place in a model that a config adapts."""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.models.nodes import MULTIHEAD, OUTPUT_PROJECTION, Module, Parameter


class Place(NamedTuple):
    """One adapted place and its rank: a module, or a bare parameter that holds fused experts.

    `whole` lists every parameter inside a module that does not have a single d × h weight, e.g. a norm, and `saved`
    those of the base model that PEFT saves with the adapter. `quantised` is the quant_method that made another layer of
    a Linear, "" for none (`models.quantised_layers`).
    """

    module: Module
    r: int
    experts: int = 1
    parameter: bool = False
    whole: tuple[Parameter, ...] = ()
    saved: tuple[Parameter, ...] = ()
    quantised: str = ""

    @property
    def owner(self) -> str:
        """The name of the adapted module, or of the module that holds the adapted parameter."""
        return self.module.name.rpartition(".")[0] if self.parameter else self.module.name

    @property
    def owners(self) -> tuple[str, ...]:
        """The names of the modules that get an adapter: the owner, and the Linear within torch's own attention."""
        inner = (f"{self.owner}.{OUTPUT_PROJECTION}",) if self.module.kind == MULTIHEAD else ()
        return (self.owner, *inner)

    @property
    def full_params(self) -> int:
        """The number of parameters of the adapted weight, all experts together."""
        return sum(p.params for p in self.whole) or self.experts * self.module.weight_params
