"""Counts of several models, target sets and ranks, a record a point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lora_cli.analysis.count.matrix_count import Record
from lora_cli.analysis.count.model_count import FIELDS as COUNT_FIELDS
from lora_cli.analysis.count.model_count import count_model
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.registry import method_named
from lora_cli.models.model import Model

FIELDS = ("model", "target", *COUNT_FIELDS[1:])


@dataclass(frozen=True, slots=True)
class ModelSweep:
    """The grid models × target sets × ranks, the last axis fastest. A target set is what it is called and is."""

    models: Sequence[Model]
    configs: Sequence[tuple[str, AdapterConfig]]
    ranks: Sequence[int]

    @property
    def size(self) -> int:
        """The number of points."""
        return len(self.models) * sum(len(self._ranks(config)) for _, config in self.configs)

    def _ranks(self, config: AdapterConfig) -> Sequence[int]:
        # A method without a rank is counted once.
        return self.ranks if method_named(config.method).rank is not None else (config.r,)

    def warnings(self) -> list[str]:
        """Say once per model and target set what a count of it warns of."""
        costs = (count_model(model, config) for model in self.models for _, config in self.configs)
        return list(dict.fromkeys(warning for cost in costs for warning in cost.warnings()))

    def records(self) -> Iterator[Record]:
        """Yield the records, in the order of `FIELDS`."""
        for model in self.models:
            for name, config in self.configs:
                for rank in self._ranks(config):
                    cost = count_model(model, replace(config, r=rank))
                    yield {"model": model.name, "target": name} | dict(cost.record())
