"""A trained adapter that another program than PEFT wrote: one file, which tells what its modules are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.facts import NO_FACTS, TrainingFacts
from lora_cli.methods.adapter_file.format import OTHERS_TO_PEFT, AdapterFile, Fields, Format, Part, Refusal
from lora_cli.methods.adapter_file.format_registry import Recognition
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.models.checkpoints.safetensors_header import Header, Stored

if TYPE_CHECKING:
    from lora_cli.models.sources.adapter_source import SingleFile


@dataclass(frozen=True, slots=True, repr=False)
class ForeignAdapter(TrainedAdapter):
    """An adapter in a format that is not PEFT's: its config is what the file itself tells.

    `updates` says what the file holds for each module. `metadata` is that of the file, `others` are the keys of other
    formats by the format's name, and `repeated` those that name what another key names too. `refusals` say why the
    format's own loader takes nothing of the file.
    """

    declared: Format = field(kw_only=True)
    updates: Mapping[str, ModuleUpdate] = field(kw_only=True)
    metadata: Mapping[str, str] = field(kw_only=True)
    noted: TrainingFacts = field(default=NO_FACTS, kw_only=True)
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict, kw_only=True)
    repeated: frozenset[str] = field(default=frozenset(), kw_only=True)
    refusals: tuple[Refusal, ...] = field(default=(), kw_only=True)

    def part(self, key: str) -> Part | None:
        """Return the module and the tensor that a key names; None for a key that no loader of the format reads."""
        part = self.declared.part(key) or self.declared.marked_part(key)
        update = None if part is None or key in self.repeated else self.updates.get(part.module)
        return None if part is None or update is None or part.tensor not in update.tensors else part

    @property
    def base_model(self) -> str | None:
        """The base model that the file names."""
        return self.noted.base_model

    @property
    def facts(self) -> TrainingFacts:
        """What the file notes of the training."""
        return self.noted

    @property
    def has_lora_factors(self) -> bool:
        """Whether the update of a module is scaling · B·A."""
        return any(update.pair is not None for update in self.updates.values())

    @property
    def instead(self) -> str:
        """What converts the file to PEFT's format, or what to do instead."""
        unread = self.declared.is_of_pipeline and not self.has_lora_factors
        return OTHERS_TO_PEFT if unread else self.declared.instead

    @property
    def alpha(self) -> float | None:
        """The alpha of most modules."""
        return most_common(update.alpha for update in self.updates.values())

    @property
    def why_no_update(self) -> str | None:
        """Why the update of no module is scaling · B·A."""
        if self.has_lora_factors:
            return None
        reasons = Counter(update.reason for update in self.updates.values() if update.reason)
        return next((reason for reason, _ in reasons.most_common(1)), "the file has no update of a module")

    def factors(self) -> list[Factors]:
        """Return the pairs of A and B whose product is an update, in the file's order."""
        return [update.pair for update in self.updates.values() if update.pair is not None]

    def unpaired(self) -> Iterator[tuple[str, str]]:
        """Yield the modules whose update is not that of a pair, with the reason."""
        for module, update in self.updates.items():
            if update.pair is None and update.reason is not None:
                yield module, update.reason


def most_common(values: Iterable[float | None]) -> float | None:
    """Return the value that is there most often, the largest of several; None without any that is finite.

    >>> most_common([8, 16, None, 16, 4])
    16
    """
    amounts = Counter(value for value in values if value is not None and isfinite(value))
    return max(amounts, key=lambda value: (amounts[value], value), default=None)


def foreign_adapter(source: SingleFile, header: Header, fields: Fields, found: Recognition) -> ForeignAdapter:
    """Return the adapter in a file whose format is known."""
    declared = found.format
    modules: dict[str, dict[str, Stored]] = {}
    repeated = set()
    for key, (module, tensor) in found.parts.items():
        tensors = modules.setdefault(module, {})
        if tensor in tensors:
            repeated.add(key)
        else:
            tensors[tensor] = header.tensors[key]
    file = AdapterFile(None if source.header else source.path, found.parts, modules, header.metadata, fields)
    updates = {update.module: update for update in declared.updates(file)}
    methods = Counter(update.method for update in updates.values())
    r = most_common(update.r for update in updates.values())
    return ForeignAdapter(
        source.name,
        source.folder,
        fields,
        AdapterConfig(r=int(r or 0), label=",".join(method for method, _ in methods.most_common()) or "unknown"),
        (),
        header.tensors,
        source.header,
        source.revision,
        source.notes,
        source.file,
        declared=declared,
        updates=updates,
        metadata=header.metadata,
        noted=declared.facts(header.metadata, fields),
        refusals=tuple(declared.refusals(file)),
        others=found.others,
        repeated=frozenset(repeated),
    )
