"""The figures of an inspection: what an adapter's file holds, and what it should hold."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.analysis.inspect.findings.tensor_names import missing_beside_others, unknown_to_method
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.analysis.result import Record
from lora_cli.dtypes import BY_NAME, torch_name
from lora_cli.methods.adapter_file.facts import TrainingFacts
from lora_cli.methods.adapter_file.file_size import written_bytes

FIELDS = (
    "adapter",
    "format",
    "method",
    "base_model",
    "r",
    "max_rank",
    "alpha",
    "adapted_modules",
    "trainable_params",
    "file_params",
    "expected_params",
    "adapter_bytes",
    "expected_bytes",
    "dtype",
)

# What a file may note of its training; a record has those that its file notes.
TRAINING_FIELDS = ("steps", "epochs", "learning_rate", "network_dim", "network_alpha")


def training_figures(facts: TrainingFacts) -> Record:
    """Return what is noted of a training, by name."""
    noted = {field: getattr(facts, field) for field in TRAINING_FIELDS}
    return {field: value for field, value in noted.items() if value is not None}


def figures(adapter: InspectedAdapter) -> Record:
    """Return the figures by name, in the order of `FIELDS`; an unknown one is None."""
    config = adapter.trained.config
    is_readable = adapter.broken is None
    values = (
        adapter.path,
        adapter.trained.declared.name,
        config.label,
        adapter.trained.base_model,
        config.r or None,
        adapter.max_rank if is_readable else None,
        adapter.trained.alpha,
        len(adapter.by_module) if adapter.knows_modules and is_readable else None,
        adapter.trainable_params,
        _file_params(adapter) if is_readable else None,
        _expected_params(adapter),
        adapter.adapter_bytes,
        _expected_bytes(adapter),
        _dtype(adapter),
    )
    return dict(zip(FIELDS, values, strict=True))


def _file_params(adapter: InspectedAdapter) -> int:
    return sum(stored.values for stored in adapter.tensors.values())


def _expected_params(adapter: InspectedAdapter) -> int | None:
    """Return how many values PEFT's file of this config has on the model, or for LoRA with the file's modules.

    Without a model a file tells that only where none of its tensors is missing, unknown or of a wrong shape.
    """
    if adapter.expected is not None:
        return sum(tensor.params for tensor in adapter.expected.values())
    if adapter.model is not None or not adapter.stands_alone or adapter.has_stacked_factors or not adapter.factors:
        return None
    has_pairs = adapter.by_module.keys() == adapter.factors.keys() | adapter.transposed
    if not has_pairs or missing_beside_others(adapter) or unknown_to_method(adapter):
        return None
    return _file_params(adapter) + sum(
        (theirs - ours) * (adapter.factors[module].a.values + adapter.factors[module].b.values) // ours
        for module, (ours, theirs) in adapter.other_ranks.items()
    )


def _expected_bytes(adapter: InspectedAdapter) -> int | None:
    """Return the size of PEFT's file of this config on the model, in the types of this file."""
    if adapter.expected is None:
        return None
    types = {key: stored.dtype for key, stored in adapter.tensors.items()}
    if not all(BY_NAME[name].in_peft_files for name in types.values()):
        return None
    return written_bytes(
        (key, tensor._replace(dtype=types.get(key, tensor.dtype))) for key, tensor in adapter.expected.items()
    )


def _dtype(adapter: InspectedAdapter) -> str | None:
    """Return the types of the values, the one with most of them first."""
    amounts: dict[str, int] = {}
    for stored in adapter.tensors.values():
        amounts[stored.dtype] = amounts.get(stored.dtype, 0) + stored.values
    return dtype_names(sorted(amounts, key=lambda name: -amounts[name])) or None


def dtype_names(names: Iterable[str]) -> str:
    """Return torch's names of some types.

    >>> dtype_names(["F32", "BF16"])
    'float32,bfloat16'
    """
    return ",".join(map(torch_name, names))
