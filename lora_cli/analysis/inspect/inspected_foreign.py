"""An adapter that another program than PEFT wrote: its file alone says what it has, and what it lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter, Sizes
from lora_cli.analysis.inspect.lora_names import B_NAMES
from lora_cli.methods.adapter_file.foreign_adapter import ForeignAdapter
from lora_cli.methods.adapter_file.format import BaseNames, Refusal
from lora_cli.methods.adapter_file.format_registry import PEFT, marked_as
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.models.peft_names import ADAPTER_CONFIG, ADAPTER_WEIGHTS


@dataclass(frozen=True)
class InspectedForeign(InspectedAdapter):
    """An adapter in a format that is not PEFT's."""

    trained: ForeignAdapter

    @cached_property
    def updates(self) -> Mapping[str, ModuleUpdate]:
        """What the file has for each module."""
        return self.trained.updates

    def shown_name(self, module: str) -> str:
        """Return the model's name of a module, or else the file's own: where the model has it in several modules, too."""
        own = self.base_names.get(module, ())
        return own[0] if len(own) == 1 else module

    def split(self, key: str) -> tuple[str, str] | None:
        """Return the module and the name of a tensor that a key names; None for a key that no loader reads."""
        return self.trained.part(key)

    def is_b(self, key: str) -> bool:
        """Whether a key is that of LoRA's B."""
        part = self.trained.part(key)
        return part is not None and part.tensor in B_NAMES

    @property
    def trainable_params(self) -> int:
        """The values that training changed."""
        return sum(update.trainable_params for update in self.updates.values())

    @property
    def full_params(self) -> int | None:
        """The base model's parameters, if there is a model."""
        return None if self.model is None else self.model.full_params

    @property
    def all_params(self) -> int | None:
        """Base and adapter together, if there is a model."""
        return None if self.model is None else self.model.full_params + self.trainable_params

    @cached_property
    def has_known_tensors(self) -> bool:
        """Whether it is known which tensors the file has: the file tells."""
        return True

    @cached_property
    def base_names(self) -> BaseNames:
        """The names that the model has for modules of the file; a module that it does not have is not there."""
        if self.model is None:
            return {}
        declared = self.trained.declared
        known = declared.names_in_files(self.model.module_names)
        parts = ((module, declared.base_part(module)) for module in self.updates)
        return {module: known[part] for module, part in parts if part in known}

    @cached_property
    def foreign_modules(self) -> Sequence[str]:
        """The modules of the file that should be in the model and are not; none without a model.

        A file may have several components, of which the model is one: modules of the others are not meant. If nothing
        of the file is in the model, all of it should be, unless that is the image model and the file has only text
        encoders.
        """
        if self.model is None or (self.model.is_component and self.has_only_text_encoders):
            return ()
        component = self.trained.declared.component
        own = {component(module) for module in self.base_names}
        missing = (module for module in self.updates if module not in self.base_names)
        return tuple(module for module in missing if not own or component(module) in own)

    @property
    def modules_on_model(self) -> Collection[str] | None:
        """The modules of the file that the model has; None without a model or a file that can be read."""
        return None if self.model is None or self.broken is not None else self.base_names.keys()

    @property
    def other_sides(self) -> Mapping[str, tuple[Sizes, Sizes]]:
        """The modules whose weight has other sides in the model than the update has: outputs x inputs, of both.

        The weight of several modules of the model is theirs below each other.
        """
        if self.model is None:
            return {}
        modules = {module.name: module for module in self.model.modules}
        both = ((self.updates[name], [*map(modules.get, base)]) for name, base in self.base_names.items())
        sides = (
            (update.module, (update.h, update.d), (sum(module.h for module in parts), parts[0].d))
            for update, found in both
            if (parts := [*filter(None, found)]) and update.d is not None and update.h is not None
        )
        return {name: (ours, theirs) for name, ours, theirs in sides if ours != theirs}

    @property
    def other_ranks(self) -> Mapping[str, tuple[int, int]]:
        """The modules whose rank in the file is not that of the config or the metadata, with both."""
        ranks = ((module, update.r, update.config_r) for module, update in self.updates.items())
        return {module: (r, said) for module, r, said in ranks if r and said and r != said}

    @property
    def refusals(self) -> Sequence[Refusal]:
        """Why the format's own loader takes nothing of the file."""
        trained = self.trained
        if self.model is None:
            return trained.refusals
        on_model = trained.declared.refusals_on(trained.fields, self.base_names, self.model.module_names)
        return (*trained.refusals, *on_model)

    @property
    def peft_expects(self) -> str:
        """The file that makes PEFT look for its own keys, empty where there is none."""
        if self.trained.declared.name == PEFT:
            return ""
        if self.trained.fields.get("peft_type") is not None:
            return ADAPTER_CONFIG
        return ADAPTER_WEIGHTS if self.trained.file == ADAPTER_WEIGHTS else ""

    @property
    def strays(self) -> Sequence[str]:
        """The keys that no loader of this format reads."""
        others = {key for keys in self.keys_of_others.values() for key in keys}
        return [key for key in self.tensors if self.split(key) is None and key not in others]

    @property
    def described(self) -> Mapping[str, ModuleUpdate]:
        """The updates as the file itself describes them."""
        return self.trained.updates

    @property
    def keys_of_others(self) -> Mapping[str, Sequence[str]]:
        """The keys of other formats than the file's, by the format's name."""
        return self.trained.others

    @property
    def metadata_of_others(self) -> Sequence[str]:
        """The formats whose writers wrote the metadata, if that of the keys did not."""
        marks = marked_as(self.trained.metadata, self.trained.fields)
        return () if self.trained.declared.name in marks else marks
