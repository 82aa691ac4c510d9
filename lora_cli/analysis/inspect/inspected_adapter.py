"""A trained adapter, the model that it is compared with, and what was read of its values.

The findings and figures of an inspection follow from what is declared here. What only PEFT's adapters can be asked, as
their config promises what the file has, answers "nothing" for the files of other programs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lora_cli.analysis.inspect.values import SpecialValues, special_values
from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.format import Refusal
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.tensor import Tensor
from lora_cli.models.checkpoints.by_shape import is_embedding_name
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.model import Model
from lora_cli.models.nodes import around
from lora_cli.models.peft_names import BASE_MODEL

Sizes = tuple[int, ...]
TEXT_ENCODER = "text_encoder"

if TYPE_CHECKING:
    from lora_cli.analysis.count.model_count import ModelCount


@dataclass(frozen=True)
class InspectedAdapter:
    """An adapter beside a model.

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

    @cached_property
    def is_lora(self) -> bool:
        """Whether it has A and B of LoRA."""
        return self.trained.has_lora_factors

    @cached_property
    def tensors(self) -> Mapping[str, Stored]:
        """The file's tensors by key."""
        return self.trained.tensors

    @cached_property
    def updates(self) -> Mapping[str, ModuleUpdate]:
        """What the file has for each module."""
        raise NotImplementedError

    @cached_property
    def components(self) -> frozenset[str]:
        """The models of a pipeline that have modules in the file."""
        return frozenset(map(self.trained.declared.component, self.updates))

    @property
    def has_only_text_encoders(self) -> bool:
        """Whether the file is for a pipeline, and has nothing for the model that makes its images."""
        return bool(self.components) and all(each.startswith(TEXT_ENCODER) for each in self.components)

    @cached_property
    def by_module(self) -> Mapping[str, Mapping[str, Stored]]:
        """These tensors by module and name."""
        return {module: update.tensors for module, update in self.updates.items()}

    @cached_property
    def factors(self) -> Mapping[str, Factors]:
        """LoRA's pairs of A and B, by module, without empty ones."""
        return {module: update.pair for module, update in self.updates.items() if update.pair is not None}

    def shown_name(self, module: str) -> str:
        """Return the name under which people know a module."""
        return module

    def split(self, key: str) -> tuple[str, str] | None:
        """Return the module and the name of a tensor that a key names; None for a key of another kind."""
        raise NotImplementedError

    def is_b(self, key: str) -> bool:
        """Whether a key is that of LoRA's B."""
        raise NotImplementedError

    @property
    def trainable_params(self) -> int | None:
        """What was trained, or None where that is not known."""
        raise NotImplementedError

    @property
    def max_rank(self) -> int | None:
        """The largest rank of a module."""
        return max((update.r for update in self.updates.values() if update.r is not None), default=None)

    @property
    def full_params(self) -> int | None:
        """The base model's parameters, if there is a model."""
        raise NotImplementedError

    @property
    def all_params(self) -> int | None:
        """Base and adapter together, if there is a model."""
        raise NotImplementedError

    @property
    def knows_modules(self) -> bool:
        """Whether it is known which tensors belong to which module."""
        return True

    @cached_property
    def has_known_tensors(self) -> bool:
        """Whether it is known without a model which tensors a file of it has, and that they have values."""
        return self.is_lora

    @cached_property
    def renamed_keys(self) -> Mapping[str, str]:
        """The keys that PEFT would write, by those of the file that are others."""
        return {}

    @cached_property
    def loaded(self) -> Mapping[str, Sizes]:
        """The shapes of the tensors by the keys under which PEFT loads them into the model."""
        return {}

    @cached_property
    def renamed(self) -> TrainedAdapter:
        """The adapter with the keys that PEFT would write."""
        return self.trained

    @cached_property
    def expected(self) -> Mapping[str, Tensor] | None:
        """The tensors that PEFT saves of the config on the model; None without a model, or where they are not known."""
        return None

    @property
    def is_of_other_model(self) -> bool:
        """Whether the file has nothing of what the config has on the model, or no module of the size that it has there."""
        return False

    @property
    def other_size(self) -> tuple[str, Sizes, Sizes] | None:
        """A tensor with its shapes in the file and on the model, where no module of the file has the model's sizes."""
        return None

    @property
    def comparable(self) -> Mapping[str, Tensor] | None:
        """The tensors that PEFT saves, where those of the file can be compared with them one by one."""
        return None

    @cached_property
    def shapes_on_model(self) -> Mapping[str, Sizes]:
        """The shapes that the file's tensors have on the model."""
        return {}

    @property
    def other_shapes(self) -> Mapping[str, tuple[Sizes, Sizes]]:
        """The tensors of another shape than on the model, with both."""
        return {}

    def is_full_copy(self, key: str) -> bool:
        """Whether a key is that of a tensor in a full copy: PEFT compares the ends of modules' names."""
        names = self.trained.config.full_copy_names
        return any(module.endswith(names) for module in around(key.removeprefix(BASE_MODEL)))

    def is_frozen(self, key: str) -> bool:
        """Whether a key is that of embeddings that are not copied, which PEFT saves but does not train."""
        owner, _, leaf = key.rpartition(".")
        is_saved = owner.endswith(".base_layer") or (is_embedding_name(owner) and not self.is_full_copy(key))
        return is_saved and (leaf == "weight" or (leaf == "bias" and self.trained.config.bias == "none"))

    @property
    def stands_alone(self) -> bool:
        """Whether LoRA's tensors can only be compared with each other, for lack of a model that takes the config."""
        return False

    @cached_property
    def own_tensors(self) -> Mapping[str, Tensor]:
        """The tensors that the config's method adds beside a module, by the ends of their keys."""
        return {}

    @cached_property
    def config_ranks(self) -> Mapping[str, int]:
        """The ranks that the config gives the modules of LoRA's pairs."""
        return {}

    @cached_property
    def transposed(self) -> frozenset[str]:
        """The modules whose A and B are both stored transposed."""
        return frozenset()

    @property
    def has_stacked_factors(self) -> bool:
        """Whether an A and a B may be those of several experts or blocks in one tensor."""
        return False

    @property
    def other_ranks(self) -> Mapping[str, tuple[int, int]]:
        """The modules whose rank in the file is not the config's, with both."""
        return {}

    @property
    def strays(self) -> Sequence[str]:
        """The keys that the format's loaders do not read."""
        return ()

    @property
    def foreign_modules(self) -> Sequence[str]:
        """The modules of the file that the model does not have, as far as the file alone says what it adapts."""
        return ()

    @property
    def modules_on_model(self) -> Collection[str] | None:
        """The modules of the file that the model has; None without a model, or where figures compare all of the file."""
        return None

    @property
    def other_sides(self) -> Mapping[str, tuple[Sizes, Sizes]]:
        """The modules whose update and weight in the model differ in size, with both sizes."""
        return {}

    @property
    def refusals(self) -> Sequence[Refusal]:
        """Why the format's own loader takes nothing of the file."""
        return ()

    @property
    def peft_expects(self) -> str:
        """The file that makes PEFT look for its own keys, empty where they are its own."""
        return ""

    @property
    def described(self) -> Mapping[str, ModuleUpdate]:
        """The updates as the file itself describes them; none where a config does."""
        return {}

    @property
    def keys_of_others(self) -> Mapping[str, Sequence[str]]:
        """The keys of other formats than the file's, by the format's name."""
        return {}

    @property
    def metadata_of_others(self) -> Sequence[str]:
        """The formats whose writers wrote the metadata, if that of the keys did not."""
        return ()
