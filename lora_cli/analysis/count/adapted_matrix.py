"""What one matrix costs to adapt by any method: a model whose one module is W."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lora_cli.analysis.count.matrix_count import FIELDS, Record, plain_count
from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.errors import InvalidInput
from lora_cli.methods import Tensor, check_name, method_named, variant_fields
from lora_cli.methods.config.adapter_config import AdapterConfig, on_one_matrix, read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.matrix import matrix
from lora_cli.models.model import Model


@dataclass(frozen=True)
class AdaptedMatrix(ModelCount):
    """The cost of a config on one matrix, in the figures of `MatrixCount`."""

    @property
    def d(self) -> int:
        """Inputs of W."""
        return self.subject.modules[0].d

    @property
    def h(self) -> int:
        """Outputs of W."""
        return self.subject.modules[0].h

    @property
    def break_even_rank(self) -> float:
        """d·h / (d + h), the rank from which LoRA trains as much as W holds."""
        return self.full_params / (self.d + self.h)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What is put beside W, and what would be shared with other matrices."""
        return (*(tensor for _, tensors in self.added for tensor in tensors), *self.shared)

    def warnings(self) -> list[str]:
        """Say what makes a rank of plain LoRA pointless too, as for a matrix that was counted by its rank alone."""
        found, r = super().warnings(), self.r
        plain = self.config.label == "lora" and r is not None and self.trainable_params == r * (self.d + self.h)
        return found + plain_count(self.d, self.h, r).warnings() if r is not None and plain else found

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`."""
        return {field: getattr(self, field) for field in FIELDS}


def count_matrix(d: int, h: int, config: AdapterConfig) -> AdaptedMatrix:
    """Count what a config trains on one matrix; one that PEFT refuses raises `InvalidInput`."""
    cost = adapted_matrix(d, h, config)
    _ = cost.adapter_params
    return cost


def adapted_matrix(d: int, h: int, config: AdapterConfig) -> AdaptedMatrix:
    """Return the cost of a config on one matrix before any of it is counted."""
    return AdaptedMatrix(Model("one matrix", "", (matrix(d, h),), {}, None, None), config)


def matrix_config(method: str, r: int | None, fields: Mapping[str, Any]) -> AdapterConfig:
    """Return the config of a method that adapts the module W, from its fields beside r and the target.

    >>> count_matrix(3072, 3072, matrix_config("vera", 256, {})).trainable_params
    3328
    """
    name = check_name(method)
    given: dict[str, Any] = {"peft_type": method_named(name).peft_type, **variant_fields(name), **fields}
    config, unknown = read_adapter_config(
        Config(on_one_matrix(given if r is None else given | {"r": r}), f"method {name}"), name
    )
    if unknown:
        raise InvalidInput(f"method {name} has no field {unknown[0]}; see `lora-cli methods {name}`")
    return config
