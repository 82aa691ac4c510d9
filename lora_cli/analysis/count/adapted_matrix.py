"""What one matrix costs to adapt by any method: a model whose one module is W."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsIndex

from lora_cli.analysis.count.count_plan import Plan, make_plan, plan_tensors
from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.count.plain_lora import FIELDS, matrix_rank_problems
from lora_cli.analysis.percentages import ratio
from lora_cli.analysis.result import Record
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.tensor import Tensor
from lora_cli.models.matrix import matrix
from lora_cli.models.model import Model


@dataclass(frozen=True)
class AdaptedMatrix(ModelCount):
    """The cost of a config on one matrix, in the figures of `plain_figures`."""

    @property
    def d(self) -> int:
        """Inputs of W."""
        return self.subject.modules[0].d

    @property
    def h(self) -> int:
        """Outputs of W."""
        return self.subject.modules[0].h

    @property
    def unmatched(self) -> Sequence[str]:
        """The ranks that match nothing; other entries name modules of the model that W is a part of."""
        return [entry for entry in self.targets.unmatched if entry.startswith("rank_pattern ")]

    @property
    def break_even_rank(self) -> float:
        """d·h / (d + h), the rank at which LoRA trains as many parameters as W holds."""
        return ratio(self.full_params, self.d + self.h)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What is put beside W, and what would be shared with other matrices."""
        return (*(tensor for _, tensors in self.added for tensor in tensors), *self.shared)

    def rank_problems(self) -> Mapping[str, str]:
        """Return what makes the rank pointless where only A and B of LoRA are trained, with the config's rank."""
        r = self.r or 0
        is_plain = self.how.has_lora_factors and self.trainable_params == r * (self.d + self.h)
        return matrix_rank_problems(self.d, self.h, r) if r and is_plain else {}

    def record(self) -> Record:
        """Return the figures by name, in the order of `FIELDS`."""
        return {field: getattr(self, field) for field in FIELDS} | self.revisions


def matrix_plan(d: SupportsIndex, h: SupportsIndex, config: AdapterConfig) -> Plan:
    """Return what a config adapts on one matrix."""
    return make_plan(Model("one matrix", "", (matrix(d, h),), {}, None, None), config)


def count_matrix(d: SupportsIndex, h: SupportsIndex, config: AdapterConfig) -> AdaptedMatrix:
    """Count what a config trains on one matrix; one that PEFT refuses raises `InvalidInput`."""
    return count_matrix_plan(matrix_plan(d, h, config))


def count_matrix_plan(plan: Plan) -> AdaptedMatrix:
    """Make the tensors of a plan for one matrix, and count them."""
    return AdaptedMatrix(plan, *plan_tensors(plan))
