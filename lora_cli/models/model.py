"""A model, whatever source it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Union

from lora_cli.dtypes import BY_TORCH_NAME, VALUE_TYPES
from lora_cli.models.config import Config
from lora_cli.models.family import GENERATING_CLASSES
from lora_cli.models.nodes import Buffer, Hollow, Module, Parameter, around
from lora_cli.models.parts.layers import Node, parameters_of
from lora_cli.models.registry import skeleton

if TYPE_CHECKING:
    from lora_cli.models.facts import Facts

# What a model is read from: a path, a name of a preset or on the Hub, or the model itself.
Source = Union[str, "PathLike[str]", "Model"]


@dataclass(frozen=True, repr=False)
class Model:
    """The nodes of a model in its order, and which of them are tied or have a role.

    `model_type` is that of config.json, or the name of a class of diffusers. `tied` maps a parameter to the one that it
    shares its values with. `output` is the module that returns scores of the vocabulary, `embeddings` the one that takes
    tokens. `dtype` is the type of its values by safetensors' name, and `assumes_dtype` says that nothing tells it: its
    config.json names none, and its weights are not at hand. `config` is its config.json, if there is one.
    `generates` says whether its class generates text (`prepare_inputs_for_generation`), None where the class is not
    known. `unsaved` are the parameters that its checkpoints leave out. `parts` says of the outermost modules of a model
    of several parts what each is. `warnings` and `notes` are about its source,
    `unreplayed` says what its source asks of a training that may take more memory than a replay of it, `overstated` what may
    take less, and `revision` is the commit of one that was read from the Hub.
    """

    name: str
    model_type: str
    nodes: tuple[Node, ...]
    tied: Mapping[str, str]
    output: str | None
    embeddings: str | None
    dtype: str = "F32"
    assumes_dtype: bool = field(default=False, kw_only=True)
    config: Config | None = field(default=None, compare=False)
    generates: bool | None = None
    unsaved: frozenset[str] = frozenset()
    parts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unreplayed: tuple[str, ...] = ()
    overstated: tuple[str, ...] = ()
    revision: str | None = None

    def __repr__(self) -> str:
        return f"Model({', '.join(filter(None, (repr(self.name), self.model_type)))}, {self.full_params:,} parameters)"

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The modules that have a weight."""
        return tuple(node for node in self.nodes if isinstance(node, Module))

    @cached_property
    def others(self) -> tuple[Parameter, ...]:
        """The parameters that do not belong to a module with a weight."""
        return tuple(node for node in self.nodes if isinstance(node, Parameter))

    @cached_property
    def hollow(self) -> tuple[Hollow, ...]:
        """The modules without parameters, and lists of modules."""
        return tuple(node for node in self.nodes if isinstance(node, Hollow))

    @cached_property
    def module_names(self) -> list[str]:
        """All module names, each after those around it: `named_modules()` without the model itself."""
        names: dict[str, None] = {}
        for node in self.nodes:
            name = node.name.rpartition(".")[0] if isinstance(node, Parameter | Buffer) else node.name
            if name not in names:
                names.update(dict.fromkeys((*around(name), name)))
        names.pop("", None)
        return list(names)

    def all_parameters(self) -> Iterator[Parameter]:
        """Yield every parameter. A tied one is there under each of its names."""
        for node in self.nodes:
            yield from parameters_of(node)

    @cached_property
    def facts(self) -> Facts | None:
        """The sizes for prompt methods in its config.json, or None without a config.json."""
        if self.config is None:
            return None
        from lora_cli.models.facts import read_facts

        return read_facts(self.config)

    @property
    def is_component(self) -> bool:
        """Whether it is a class of diffusers, which PEFT cannot ask for its embeddings."""
        return self.config is not None and not self.config.fields.get("model_type")

    @cached_property
    def full_params(self) -> int:
        """The number of all parameters. Tied ones count once."""
        named = {*self.tied, *(outer for name in self.tied for outer in around(name))}
        tied = (parameter for node in self.nodes if node.name in named for parameter in parameters_of(node))
        return self.params_of_all_names - sum(parameter.params for parameter in tied if parameter.name in self.tied)

    @property
    def params_of_all_names(self) -> int:
        """The number of all parameters, tied ones as often as they have names."""
        return sum(node.params for node in self.nodes if isinstance(node, Module | Parameter))

    @property
    def tied_with_embeddings(self) -> tuple[str, ...]:
        """The modules that share the weight of the input embeddings, as far as PEFT finds them.

        `peft.utils.other._get_module_names_tied_with_embedding` asks only the model's class and its own config, so it
        misses the ties of a model inside a classifier, those of a text model that has its head inside a model of
        several parts, and those that only a text model's config asks for.
        """
        is_head_tied = f"{self.output}.weight" in self.tied
        says = None if self.config is None else self.config.fields.get("tie_word_embeddings")
        if self.parts and says is False and not is_head_tied:
            return ()
        if self.embeddings is None or (self.output is None and "." in self.embeddings):
            return ()
        if self.output is not None and self.output.partition(".")[0] in self.parts:
            return ()
        weight = f"{self.embeddings}.weight"
        # Marian's embeddings are tied themselves, with those that both languages share.
        shared = self.tied.get(weight, weight)
        return tuple(sorted(name.rpartition(".")[0] for name, source in self.tied.items() if source == shared))


def names_dtype(config: Config) -> bool:
    """Whether a config.json names the type of the model's values."""
    return any(config.fields.get(name) is not None for name in ("dtype", "torch_dtype"))


def read_dtype(config: Config) -> str:
    """Return safetensors' name of a config.json's `dtype`, or of `torch_dtype`, its older name. The default is float32.

    >>> read_dtype(Config({"torch_dtype": "bfloat16"})), read_dtype(Config({}))
    ('BF16', 'F32')
    """
    name = str(config.fields.get("dtype") or config.fields.get("torch_dtype"))
    return BY_TORCH_NAME[name].name if name in VALUE_TYPES else "F32"


def read_config(config: Config, name: str) -> Model:
    """Return the model that a config.json describes."""
    name_of_class, written = skeleton(config)
    return Model(
        name,
        config.text("model_type", "_class_name", default=""),
        tuple(written.nodes),
        dict(written.tied),
        written.output,
        written.embeddings,
        read_dtype(config),
        config,
        generates=name_of_class.endswith(GENERATING_CLASSES),
        unsaved=written.unsaved,
        parts=dict(written.parts),
        assumes_dtype=not names_dtype(config),
    )
