"""The question "what does this trained adapter hold, and is it whole?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.analysis.inspect.figures import FIELDS as FIGURES
from lora_cli.analysis.inspect.figures import figures, training_figures
from lora_cli.analysis.inspect.findings.declaration import ERROR, NOTE, WARNING, Finding
from lora_cli.analysis.inspect.findings.registry import findings_in
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.analysis.inspect.inspected_foreign import InspectedForeign
from lora_cli.analysis.inspect.inspected_peft import InspectedPeft
from lora_cli.analysis.inspect.module_records import group_records, module_records
from lora_cli.analysis.inspect.named_base import is_of_other_base, named_base
from lora_cli.analysis.inspect.remarks import not_compared, remarks, sources
from lora_cli.analysis.percentages import percent
from lora_cli.analysis.result import Record, Result
from lora_cli.analysis.revisions import revisions
from lora_cli.errors import InvalidInput
from lora_cli.methods.adapter_file.foreign_adapter import ForeignAdapter
from lora_cli.methods.adapter_file.read_adapter import adapter_without_tensors
from lora_cli.models.checkpoints.safetensors_header import BrokenFile
from lora_cli.models.files import path_text
from lora_cli.models.model import Model, Source
from lora_cli.time_limit import TookTooLong

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.analysis.inspect.spectrum_figures import Spectrum
    from lora_cli.analysis.progress import Track
    from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter

# The fields that count the findings of a severity.
SEVERITY_FIELDS = {"errors_found": ERROR, "warnings_found": WARNING}
FIELDS = (*FIGURES, *SEVERITY_FIELDS)
# The fields that a spectrum adds.
SPECTRUM_FIELDS = ("rank_needed", "saved_params", "saved_bytes")
# The values of a larger file are read only on request.
READ_BYTES = 64 * 2**20
BROKEN_FILE = "broken-file"


class Inspection(Result):
    """What an adapter's file holds beside what its config promises, and what is wrong with it.

    `file_params` are the values in the file, `expected_params` and `expected_bytes` those that PEFT would write.
    `errors_found` and `warnings_found` are the numbers of findings. `rank_needed`, `saved_params` and `saved_bytes` come
    with a spectrum, `steps`, `epochs`, `learning_rate`, `network_dim` and `network_alpha` where the file notes them of its
    training, and `adapter_revision` and `model_revision` are the commits of what was read from the Hub. An unknown figure
    is None.
    """

    __slots__ = ("_adapter", "_findings", "_spectrum")

    adapter: str
    format: str
    method: str
    base_model: str | None
    r: int | None
    max_rank: int | None
    alpha: float | None
    adapted_modules: int | None
    trainable_params: int | None
    file_params: int | None
    expected_params: int | None
    adapter_bytes: int
    expected_bytes: int | None
    dtype: str | None
    errors_found: int
    warnings_found: int
    rank_needed: int | None
    saved_params: int | None
    saved_bytes: int | None
    steps: int | None
    epochs: int | None
    learning_rate: float | None
    network_dim: int | None
    network_alpha: float | None
    adapter_revision: str | None
    model_revision: str | None
    _adapter: InspectedAdapter
    _findings: tuple[Finding, ...]
    _spectrum: Spectrum | None

    def __init__(self, adapter: InspectedAdapter, spectrum: Spectrum | None = None) -> None:
        findings = findings_in(adapter)
        record = {**figures(adapter), **{field: _number_of(findings, each) for field, each in SEVERITY_FIELDS.items()}}
        if spectrum is not None:
            record |= {field: getattr(spectrum, field) for field in SPECTRUM_FIELDS}
        record |= training_figures(adapter.trained.facts)
        record |= revisions(adapter.trained.revision, None if adapter.model is None else adapter.model.revision)
        has_errors = any(each.severity == ERROR for each in findings)
        super().__init__(
            record,
            warnings=[each.sentence() for each in findings if each.severity == WARNING],
            notes=[
                *(each.sentence() for each in findings if each.severity == NOTE),
                *remarks(adapter, spectrum),
                *(() if has_errors else not_compared(adapter)),
            ],
            _adapter=adapter,
            _findings=findings,
            _spectrum=spectrum,
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the adapter, the worst first: `severity`, `code`, `message` and `remedy` of each."""
        return self._findings

    @property
    def errors(self) -> list[str]:
        """The findings that are errors, as sentences, without why the file cannot be read."""
        return [each.sentence() for each in self._findings if each.severity == ERROR and each.code != BROKEN_FILE]

    @property
    def inspected(self) -> InspectedAdapter:
        """What the figures and the findings follow from."""
        return self._adapter

    @property
    def sources(self) -> list[str]:
        """What was fetched from the Hub, and what was not."""
        return list(sources(self._adapter))

    @property
    def broken(self) -> str | None:
        """Why the file cannot be read, or None where it can."""
        return self._adapter.broken

    @property
    def lacks_alpha(self) -> bool:
        """Whether nothing that was read has the alpha of LoRA's scaling: neither a config nor the file, for any module."""
        trained = self._adapter.trained
        stored = (record["alpha"] for record in module_records(self._adapter, None))
        known = chain((trained.alpha, trained.fields.get("lora_alpha")), stored)
        return trained.has_lora_factors and all(alpha is None for alpha in known)

    @property
    def modules(self) -> list[Record]:
        """A record per module that the file has an adapter for."""
        return list(module_records(self._adapter, self._spectrum))

    @property
    def groups(self) -> list[Record]:
        """These modules by name, shape and rank, with their number and their percentage of the file."""
        return group_records(self._adapter, self._spectrum)

    @property
    def spectrum(self) -> Spectrum | None:
        """How much of LoRA's rank the updates use, if this was asked for."""
        return self._spectrum

    @property
    def cost(self) -> ModelCount | None:
        """What the config trains on the model, if there is a model that takes it."""
        return self._adapter.cost

    @property
    def resizable_cost(self) -> ModelCount | None:
        """The same, or without a model what the config trains on modules of the shapes in the file."""
        from lora_cli.analysis.inspect.file_cost import file_cost

        return file_cost(self._adapter) if self._adapter.model is None else self._adapter.cost

    @property
    def full_params(self) -> int | None:
        """The base model's parameters, if there is a model."""
        return self._adapter.full_params

    @property
    def all_params(self) -> int | None:
        """Base and adapter together, if there is a model."""
        return self._adapter.all_params

    @property
    def percent_of_full(self) -> float | None:
        """100 · trainable_params / full_params, if there is a model."""
        return self._percent(self.trainable_params)

    @property
    def percent_saved(self) -> float | None:
        """100 − percent_of_full, if there is a model."""
        full, trained = self.full_params, self.trainable_params
        return self._percent(None if full is None or trained is None else full - trained)

    def _percent(self, part: int | None) -> float | None:
        full = self.full_params
        return None if not full or part is None else percent(part, full)


def inspect(
    path: str | PathLike[str],
    model: Source | None = None,
    *,
    values: bool | None = None,
    spectrum: bool = False,
    track: Track | None = None,
) -> Inspection:
    """Read the adapter in the folder or of the Hub name `path`, and compare it with `model`, if there is one.

    Without a model it is compared with the base that its config names, if that is bundled or in a folder here and the
    adapter fits its class and vocabulary. The config and the header of the file are read. So are the `values`, to find
    NaN, infinity and an all-zero B, if that is true, or if it is None and the file is at most 64 MiB. A `spectrum` reads
    A and B to say how much of the rank their updates use; `track` sees its modules go by. A path without an adapter
    raises `InvalidInput`; a file that is broken is a finding.
    """
    trained = adapter_without_tensors(path_text("path", path))
    if spectrum:
        trained.check_values()
    adapter = _beside_model(trained, model, spectrum or values)
    if not spectrum or adapter.broken is not None:
        return Inspection(adapter)
    from lora_cli.analysis.inspect.spectrum import spectrum as spectrum_of

    return Inspection(adapter, spectrum_of(adapter.renamed, track))


def inspect_for_loaders(path: str) -> Inspection:
    """Read the adapter at `path` and its values beside the base that its config names, which a loader takes as it is."""
    return Inspection(_beside_named_base(adapter_without_tensors(path), values=True))


def _beside_model(trained: TrainedAdapter, model: Source | None, values: bool | None) -> InspectedAdapter:
    """Return an adapter beside a model that is given, or else beside the base that its config names, if it fits."""
    if model is not None:
        from lora_cli.models.sources.read_model import read_model

        return _read(trained, read_model(model), values)
    adapter = _beside_named_base(trained, values)
    is_alone = adapter.model is not None and is_of_other_base(findings_in(adapter))
    return _read(adapter.trained, None, values) if is_alone else adapter


def _beside_named_base(trained: TrainedAdapter, values: bool | None) -> InspectedAdapter:
    base, notes = named_base(trained)
    return _read(replace(trained, notes=(*trained.notes, *notes)), base, values)


def _number_of(findings: Sequence[Finding], severity: str) -> int:
    return sum(finding.severity == severity for finding in findings)


def _read(trained: TrainedAdapter, model: Model | None, values: bool | None) -> InspectedAdapter:
    if isinstance(trained, ForeignAdapter):
        kind: type[InspectedAdapter] = InspectedForeign
        cost = refusal = None
    else:
        kind = InspectedPeft
        cost, refusal = (None, None) if model is None else _count(trained, model)
    broken = None
    try:
        trained = replace(trained, tensors=trained.stored())
    except BrokenFile as error:
        broken = str(error)
    size, is_here = trained.file_bytes, trained.header is None
    reads_values = broken is None and is_here and (size <= READ_BYTES if values is None else values)
    return kind(trained, size, model, cost, refusal, broken, reads_values)


def _count(trained: TrainedAdapter, model: Model) -> tuple[ModelCount | None, str | None]:
    """Return what the config trains on the model, or why PEFT refuses the config there."""
    try:
        return count_model(model, trained.config), None
    except TookTooLong:
        raise
    except InvalidInput as refusal:
        return None, str(refusal)
