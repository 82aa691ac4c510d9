"""A trained adapter beside what its config promises: what the findings and figures of an inspection follow from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from sys import intern
from typing import TYPE_CHECKING

from lora_cli.analysis.inspect.values import SpecialValues, special_values
from lora_cli.methods.adapter_file.adapter_keys import canonical_key, tensors_beside_a_module
from lora_cli.methods.adapter_file.trained_adapter import Factors, TrainedAdapter
from lora_cli.methods.targeting.name_matching import ranker
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.methods.tensor import Tensor
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.model import Model
from lora_cli.models.peft_names import BASE_MODEL

if TYPE_CHECKING:
    from lora_cli.analysis.count.model_count import ModelCount


@dataclass(frozen=True)
class InspectedAdapter:
    """An adapter, the model that it is compared with, and what was read of its values.

    `adapter_bytes` is the size of its file. `broken` says why the file cannot be read; then it has no tensors.
    `cost` is what the config trains on the model, and `refusal` why PEFT does not put the config on it.
    """

    trained: TrainedAdapter
    adapter_bytes: int
    model: Model | None = None
    cost: ModelCount | None = None
    refusal: str | None = None
    broken: str | None = None
    reads_values: bool = False

    @cached_property
    def values(self) -> Mapping[str, SpecialValues] | None:
        """The special values of the tensors, None where they are not read."""
        return special_values(self.tensors) if self.reads_values else None

    @property
    def path(self) -> str:
        """The path, as the caller wrote it."""
        return self.trained.name

    @property
    def model_name(self) -> str:
        """The name of the model."""
        return "" if self.model is None else self.model.name

    @property
    def is_lora(self) -> bool:
        """Whether the method adds the A and B of LoRA."""
        return self.trained.has_lora_factors

    @cached_property
    def tensors(self) -> Mapping[str, Stored]:
        """The file's tensors by the keys that PEFT would write, as far as these are known."""
        own = self.trained.tensors
        renamed = {key: right for key in own if (right := self._key(key)) != key}
        return {renamed.get(key, key): stored for key, stored in own.items()} if renamed else own

    def _key(self, key: str) -> str:
        right = canonical_key(key)
        if self.expected is None:
            return right if self.own_tensors else key
        return right if right in self.expected and key not in self.expected else key

    @cached_property
    def renamed(self) -> TrainedAdapter:
        """The adapter with the keys that PEFT would write."""
        return replace(self.trained, tensors=self.tensors)

    @cached_property
    def expected(self) -> Mapping[str, Tensor] | None:
        """The tensors that PEFT saves of the config on the model; None without a model, or where they are not known."""
        tensors = None if self.cost is None else self.cost.file_tensors
        return None if tensors is None or any(tensor.stored is None for tensor in tensors.values()) else tensors

    @property
    def is_of_other_model(self) -> bool:
        """Whether the file has nothing of what the config has on the model."""
        return self.broken is None and bool(self.expected) and (self.expected or {}).keys().isdisjoint(self.tensors)

    @property
    def comparable(self) -> Mapping[str, Tensor] | None:
        """The tensors that PEFT saves, where those of the file can be compared with them one by one."""
        return None if self.broken is not None or self.is_of_other_model else self.expected

    @property
    def stands_alone(self) -> bool:
        """Whether LoRA's tensors can only be compared with each other: the model, if any, does not take the config."""
        return self.is_lora and self.expected is None and self.broken is None

    @cached_property
    def own_tensors(self) -> Mapping[str, Tensor]:
        """The tensors that the method adds beside a module, by the ends of their keys; empty where modules decide."""
        return tensors_beside_a_module(self.trained)

    @cached_property
    def _endings(self) -> tuple[str, ...]:
        """How the keys of the method's own tensors end."""
        return tuple(f".{name}" for name in self.own_tensors)

    def split(self, key: str) -> tuple[str, str] | None:
        """Return the module and the method's tensor that a key names; None for a key of another kind."""
        ending = next(filter(key.endswith, self._endings), None)
        return None if ending is None else (key.removesuffix(ending).removeprefix(BASE_MODEL), ending[1:])

    @cached_property
    def by_module(self) -> Mapping[str, Mapping[str, Stored]]:
        """The method's own tensors by module and name."""
        modules: dict[str, dict[str, Stored]] = {}
        for key, stored in self.tensors.items():
            if part := self.split(key):
                modules.setdefault(intern(part[0]), {})[part[1]] = stored
        return modules

    @cached_property
    def factors(self) -> Mapping[str, Factors]:
        """LoRA's pairs of A and B, by module."""
        return {pair.module: pair for pair in self.renamed.factors()} if self.is_lora else {}

    @cached_property
    def config_ranks(self) -> Mapping[str, int]:
        """The ranks that the config gives the modules of these pairs."""
        rank = ranker(self.trained.config)
        with matching_time_limit(len(self.factors)):
            return {module: rank(module) for module in self.factors}

    @property
    def has_stacked_factors(self) -> bool:
        """Whether an A and a B may be those of several experts or blocks in one tensor."""
        return bool(self.trained.config.target_parameters or self.trained.config.lora.use_bdlora)

    @property
    def other_ranks(self) -> dict[str, tuple[int, int]]:
        """The modules whose rank in the file is not the config's, with both."""
        if self.has_stacked_factors:
            return {}
        ranks = ((module, (pair.r, self.config_ranks[module])) for module, pair in self.factors.items())
        return {module: both for module, both in ranks if both[0] != both[1]}
