"""What a method declares: the fields of PEFT's config for it, and in closed form the tensors that it adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from lora_cli.methods.config.adapter_config import LAYER_RULES, TARGETING, AdapterConfig
from lora_cli.methods.config.settings import defaults
from lora_cli.methods.knob import Runs, ranks
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module
from lora_cli.models.quantised_layers import LINEAR_LAYERS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")
Names = tuple[str, ...]
# The default targets of each model type, or of a model.
DefaultTargets = Mapping[str, Names | str | None] | Callable[[Model], Names | str | None]

LINEAR = ("Linear",)
LINEARS = ("Linear", "Conv1D")
# Those whose weight is still of floating point, which a method asks for that measures or decomposes it.
WITH_FLOATS = tuple(name for name in LINEAR_LAYERS if name != "bitsandbytes")
# Those for which PEFT has a backend of its own (`peft.utils.quantization_utils`), whose methods need no layer for each.
# With EETQ it knows the class of the package, which transformers took before it had one of its own.
WITH_BACKEND = (*LINEAR_LAYERS, "aqlm", "awq", "eetq", "gptq", "hqq")


class Adapted(Protocol):
    """What a config adapts in a model, as far as a method's settings depend on it (`targeting.targets.Targets`)."""

    @property
    def model(self) -> Model:
        """The adapted model, whose layers may have been replicated."""

    @property
    def places(self) -> Sequence[Place]:
        """The adapted places."""

    @property
    def config(self) -> AdapterConfig:
        """The config after PEFT filled in its defaults."""

    @property
    def shared_modules(self) -> Sequence[Module]:
        """The modules that shared bases are made for."""

    @property
    def full_copy_names(self) -> Sequence[str]:
        """The modules that are trained as full copies."""


def no_tensors(*_: object) -> tuple[Tensor, ...]:
    """Return no tensors."""
    return ()


def unchanged(_: Adapted, own: S, config: AdapterConfig) -> S:
    """Return the settings unchanged."""
    return own


def no_warnings(*_: object) -> tuple[str, ...]:
    """Return no warnings, and no notes."""
    return ()


def never(_: object) -> bool:
    """Return False, whatever the settings."""
    return False


def always(_: object) -> bool:
    """Return True, whatever the settings."""
    return True


class Method(NamedTuple, Generic[S]):
    """A method's declaration.

    What it is:
    - `name` is PEFT's `peft_type` in lower case; `arxiv` is the number of its paper.
    - `formula` counts what is trained on one Linear of d inputs and h outputs, in the names of the config's fields.

    Its config:
    - `settings` is the dataclass of its own fields. PEFT's config class refuses what making one refuses.
    - `rank` is the default of the field `r`, or None where there is no such field; then `own_rank` may read the rank
      of the adapted places from the settings.
    - `shared_fields` are the fields that it shares with other methods, without `r`.
    - `never_null` are shared fields that PEFT breaks on when they are null.
    - `layer_rules` are the checks of PEFT's config class on the fields that choose layers.
    - `alpha` and `knob` are the fields that scale the update and that decide how much is trained.

    What it adapts:
    - `module_kinds` are the kinds of modules that it can adapt, () for any module with parameters. PEFT refuses a
      target of another kind, or skips it with `skips_unsupported`.
    - `quantised_layers` are the quantisations, by quant_method, whose layers in place of a Linear it can adapt.
    - `default_targets` are PEFT's default targets where they differ from LoRA's, None for no default, and
      `default_for_unknown_types` those of a model type that is in no table.
    - `has_task_heads` says whether PEFT adds a task's head to the full copies.
    - `rewrites_expert_targets`: PEFT rewrites targets that name the experts of a fused mixture.
    - `refuses_mamba_parts`: PEFT refuses the modules whose weight Mamba uses without calling the module.
    - `shortens_targets`: PEFT shortens a long list of whole names.
    - `keeps_rank_when_tied` says whether the adapter of a module that is tied with the embeddings keeps its own rank
      instead of taking over that of the embeddings' adapter.

    What it adds:
    - `tensors` gives what is added to one adapted place, `shared_tensors` what is added once for all of them, keyed
      from the adapted model. `prompt_tensors` gives what a prompt method, which adapts no module, adds to a model,
      keyed as in the file.
    - `resolved` completes the settings once it is known what is adapted.
    - `config_tells_trained` says whether the config, without the model, tells which of these tensors are trained.
    - `same_for_same_shape` says whether places of one shape and rank always get the same tensors.
    - `warnings` says where PEFT trains something other than the fields say, `notes` on what else a count depends.
    - `knob_values` are the values that the knob can take, None where it is not a whole number.

    What its file holds:
    - `has_lora_factors`: lora_A and lora_B, whose product times the scaling is the update of a weight.
    - `saves_targeted_embeddings`: PEFT also saves embeddings that a target names.
    - `saves_extras`: it is known what the file holds beside full copies or embeddings.
    """

    name: str
    title: str
    arxiv: str | None
    formula: str
    settings: type[S]
    tensors: Callable[[Place, S], Iterable[Tensor]] = no_tensors
    rank: int | None = 8
    own_rank: Callable[[S], int] | None = None
    knob: str | None = "r"
    alpha: str | None = None
    shared_tensors: Callable[[Sequence[Place], S], Iterable[Tensor]] | None = None
    prompt_tensors: Callable[[Model, S, AdapterConfig], Iterable[Tensor]] | None = None
    module_kinds: Names = LINEAR
    quantised_layers: Names = LINEAR_LAYERS
    shared_fields: frozenset[str] = TARGETING
    never_null: Names = ()
    default_targets: DefaultTargets = MappingProxyType({})
    default_for_unknown_types: str | None = None
    layer_rules: frozenset[str] = LAYER_RULES
    has_task_heads: bool = True
    rewrites_expert_targets: bool = False
    refuses_mamba_parts: bool = False
    shortens_targets: bool = True
    keeps_rank_when_tied: Callable[[S], bool] = never
    has_lora_factors: bool = False
    saves_targeted_embeddings: bool = True
    saves_extras: bool = True
    resolved: Callable[[Adapted, S, AdapterConfig], S] = unchanged
    config_tells_trained: bool = True
    warnings: Callable[[Sequence[Place], S], Iterable[str]] = no_warnings
    notes: Callable[[S], Iterable[str]] = no_warnings
    knob_values: Callable[[Sequence[Place], S], Runs] | None = ranks
    same_for_same_shape: Callable[[S], bool] = never
    skips_unsupported: bool = False

    @property
    def fields(self) -> dict[str, object]:
        """The names of its own fields in PEFT's config, with PEFT's defaults."""
        return defaults(self.settings)

    @property
    def is_prompt(self) -> bool:
        """Whether PEFT treats it as prompt learning, which wraps the model instead of changing it."""
        return self.prompt_tensors is not None and "modules_to_save" in self.shared_fields

    @property
    def file_tells_trained(self) -> bool:
        """Whether a file and its config, without the model, tell how many parameters are trained."""
        return self.shared_tensors is None and self.config_tells_trained

    @property
    def open_sizes(self) -> Callable[[Sequence[Place], S], Runs] | None:
        """The sizes to choose from, or None where there is nothing to choose."""
        return None if self.knob is None else self.knob_values

    @property
    def peft_type(self) -> str:
        """PEFT's name for it."""
        return self.name.upper()
