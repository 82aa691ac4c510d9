"""What a user believes was configured: the fields of a PEFT config, and which of them were said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.arguments import ConfigFields, adapter_config, config_fields, read_fields
from lora_cli.methods.method import Method
from lora_cli.methods.registry import method_named
from lora_cli.models.model import Model
from lora_cli.time_limit import TookTooLong

TARGETS, SAVED, EXCLUDED, LAYERS, BIAS = (
    "target_modules",
    "modules_to_save",
    "exclude_modules",
    "layers_to_transform",
    "bias",
)
Fields = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Belief:
    """The fields of a config, and what messages call their source. A field that is None counts as left out."""

    how: Adaptation
    fields: Fields
    source: str
    warnings: tuple[str, ...] = ()

    @cached_property
    def config(self) -> AdapterConfig:
        """The config that was believed."""
        return self.config_with({})

    @cached_property
    def method(self) -> Method[Any]:
        """The method that was believed."""
        return method_named(self.config.method)

    def is_stated(self, field: str) -> bool:
        """Whether a field was said."""
        return self.fields.get(field) is not None

    def with_fields(self, fields: Fields) -> dict[str, Any]:
        """Return all fields once some of them are others."""
        return {name: value for name, value in {**self.fields, **fields}.items() if value is not None}

    def extended(self, fields: Fields) -> Belief:
        """Return the belief with some other fields."""
        return replace(self, fields={**self.fields, **fields}) if fields else self

    def config_with(self, fields: Fields) -> AdapterConfig:
        """Return the config with some other fields, or raise `InvalidInput` where PEFT refuses it."""
        label = self.how.method if not fields else None
        given = ConfigFields(self.with_fields(fields), self.source)
        return read_fields(self.how._replace(method=label), given).config

    def check(self, model: Model) -> None:
        """Refuse what PEFT refuses on a model."""
        count_model(model, self.config)

    def count_with(self, model: Model, fields: Fields) -> ModelCount | None:
        """Return the count on a model with some other fields, or None where PEFT refuses it."""
        return _unless_refused(lambda: count_model(model, self.config_with(fields)))

    def config_or_none(self, fields: Fields) -> AdapterConfig | None:
        """Return the config with some other fields, or None where PEFT refuses it."""
        return _unless_refused(lambda: self.config_with(fields))


def _unless_refused(count: Callable[[], T]) -> T | None:
    try:
        return count()
    except TookTooLong:
        raise
    except InvalidInput:
        return None


def read_belief(how: Adaptation) -> Belief:
    """Return what the arguments say was configured."""
    config, warnings = adapter_config(how, of_model=True)
    given = config_fields(how, of_model=True, needs_rank=False)
    return Belief(how, {**given.fields, "peft_type": config.method.upper()}, given.source, tuple(warnings))
