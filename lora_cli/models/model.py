"""A model as methods and questions see it, whatever source it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lora_cli.models.architectures import skeleton
from lora_cli.models.config import Config
from lora_cli.models.nodes import Buffer, Hollow, Module, Parameter, around
from lora_cli.models.parts.layers import Node

if TYPE_CHECKING:
    from lora_cli.models.facts import Facts

# torch's names for types, as config.json has them; float32 is what transformers makes without one.
DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}


def parameters_of(node: Node) -> tuple[Parameter, ...]:
    """Return the parameters of a module, or the parameter itself."""
    if isinstance(node, Module):
        return node.parameters()
    return (node,) if isinstance(node, Parameter) else ()


@dataclass(frozen=True)
class Model:
    """The modules of a model, the parameters that belong to none of them, and the modules without any, in its order.

    `tied` maps a parameter to the one that it shares its values with. `output` names the module that
    gives the vocabulary, `embeddings` the one that takes it. Its values are kept as `dtype`, in
    safetensors' words. `config` is its config.json, where there is one. `warnings` and `notes` say what about its
    source a user should doubt, or know.
    """

    name: str
    model_type: str
    nodes: tuple[Node, ...]
    tied: Mapping[str, str]
    output: str | None
    embeddings: str | None
    dtype: str = "F32"
    config: Config | None = field(default=None, compare=False)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The modules that hold a weight."""
        return tuple(node for node in self.nodes if isinstance(node, Module))

    @cached_property
    def others(self) -> tuple[Parameter, ...]:
        """The parameters that belong to none of them."""
        return tuple(node for node in self.nodes if isinstance(node, Parameter))

    @cached_property
    def hollow(self) -> tuple[Hollow, ...]:
        """The modules without parameters, and lists of modules."""
        return tuple(node for node in self.nodes if isinstance(node, Hollow))

    @cached_property
    def module_names(self) -> list[str]:
        """Every module's name behind those around it: `named_modules()` but for the model itself."""
        names: dict[str, None] = {}
        for node in self.nodes:
            name = node.name.rpartition(".")[0] if isinstance(node, Parameter | Buffer) else node.name
            if name not in names:
                names.update(dict.fromkeys((*around(name), name)))
        names.pop("", None)
        return list(names)

    def all_parameters(self) -> Iterator[Parameter]:
        """Yield every parameter, a tied one under each of its names."""
        for node in self.nodes:
            yield from parameters_of(node)

    @cached_property
    def facts(self) -> Facts | None:
        """The sizes that its config.json says or means, or None where there is none."""
        if self.config is None:
            return None
        from lora_cli.models.facts import read_facts

        return read_facts(self.config)

    @cached_property
    def full_params(self) -> int:
        """All parameters, tied ones once."""
        return sum(parameter.params for parameter in self.all_parameters() if parameter.name not in self.tied)

    @property
    def tied_with_embeddings(self) -> tuple[str, ...]:
        """The modules that share the input embeddings' weight, as far as PEFT finds them.

        `peft.utils.other._get_module_names_tied_with_embedding` asks the model's class alone, so the
        ties of a model inside a classifier stay hidden.
        """
        if self.embeddings is None or (self.output is None and "." in self.embeddings):
            return ()
        weight = f"{self.embeddings}.weight"
        return tuple(sorted(name.rpartition(".")[0] for name, source in self.tied.items() if source == weight))


def read_dtype(config: Config) -> str:
    """Return the type that a config.json's `dtype` names, in safetensors' words; `torch_dtype` is its older name.

    >>> read_dtype(Config({"torch_dtype": "bfloat16"})), read_dtype(Config({}))
    ('BF16', 'F32')
    """
    return DTYPES.get(str(config.fields.get("dtype") or config.fields.get("torch_dtype")), "F32")


def read_config(config: Config, name: str) -> Model:
    """Return the model that a config.json describes."""
    written = skeleton(config)
    return Model(
        name,
        config.text("model_type", default=""),
        tuple(written.nodes),
        written.tied,
        written.output,
        written.embeddings,
        read_dtype(config),
        config,
    )
