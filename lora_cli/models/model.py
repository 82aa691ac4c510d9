"""A model as methods and questions see it, whatever source it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lora_cli.models.architectures import skeleton
from lora_cli.models.config import Config
from lora_cli.models.module import Hollow, Module, Parameter


@dataclass(frozen=True, slots=True)
class Model:
    """The modules of a model, the parameters that belong to none of them, and the modules without any.

    `tied` maps a parameter to the one that it shares its values with. `output` names the module that
    gives the vocabulary, `embeddings` the one that takes it. `warnings` and `notes` say what about its
    source a user should doubt, or know.
    """

    name: str
    model_type: str
    modules: tuple[Module, ...]
    others: tuple[Parameter, ...]
    hollow: tuple[Hollow, ...]
    tied: Mapping[str, str]
    output: str | None
    embeddings: str | None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def all_parameters(self) -> Iterator[Parameter]:
        """Yield every parameter, a tied one under each of its names."""
        for module in self.modules:
            yield from module.parameters()
        yield from self.others

    @property
    def full_params(self) -> int:
        """All parameters, tied ones once."""
        return sum(parameter.params for parameter in self.all_parameters() if parameter.name not in self.tied)


def read_config(config: Config, name: str) -> Model:
    """Return the model that a config.json describes."""
    written = skeleton(config)
    nodes = list(written.nodes)
    return Model(
        name,
        config.text("model_type", default=""),
        tuple(node for node in nodes if isinstance(node, Module)),
        tuple(node for node in nodes if isinstance(node, Parameter)),
        tuple(node for node in nodes if isinstance(node, Hollow)),
        written.tied,
        written.output,
        written.embeddings,
    )
