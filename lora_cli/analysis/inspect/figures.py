"""The figures of an inspection: what an adapter's file holds, and what it should hold."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.analysis.result import Record
from lora_cli.dtypes import BY_NAME, torch_name
from lora_cli.methods.adapter_file.file_size import written_bytes
from lora_cli.methods.registry import method_named

FIELDS = (
    "adapter",
    "method",
    "base_model",
    "r",
    "alpha",
    "adapted_modules",
    "trainable_params",
    "file_params",
    "expected_params",
    "adapter_bytes",
    "expected_bytes",
    "dtype",
)


def figures(adapter: InspectedAdapter) -> Record:
    """Return the figures by name, in the order of `FIELDS`; an unknown one is None."""
    config = adapter.trained.config
    base_model = adapter.trained.fields.get("base_model_name_or_path")
    is_readable = adapter.broken is None
    values = (
        adapter.path,
        config.label,
        base_model if isinstance(base_model, str) else None,
        config.r or None,
        adapter.trained.alpha,
        len(adapter.by_module) if adapter.own_tensors and is_readable else None,
        _trainable_params(adapter),
        _file_params(adapter) if is_readable else None,
        _expected_params(adapter),
        adapter.adapter_bytes,
        _expected_bytes(adapter),
        _dtype(adapter),
    )
    return dict(zip(FIELDS, values, strict=True))


def _trainable_params(adapter: InspectedAdapter) -> int | None:
    """Return what the method trains: on the model, or else in a file that holds what is trained and no more."""
    if adapter.cost is not None:
        return adapter.cost.trainable_params
    config = adapter.trained.config
    follows = method_named(config.method).file_tells_trained and config.bias == "none"
    if adapter.broken is not None or not adapter.own_tensors or not follows or config.ensure_weight_tying:
        return None
    return sum(stored.values for key, stored in adapter.tensors.items() if _is_trained(adapter, key))


def _is_trained(adapter: InspectedAdapter, key: str) -> bool:
    part = adapter.split(key)
    return adapter.own_tensors[part[1]].trained if part else not adapter.is_frozen(key)


def _file_params(adapter: InspectedAdapter) -> int:
    return sum(stored.values for stored in adapter.tensors.values())


def _expected_params(adapter: InspectedAdapter) -> int | None:
    """Return how many values PEFT's file of this config has on the model, or for LoRA with the file's modules."""
    if adapter.expected is not None:
        return sum(tensor.params for tensor in adapter.expected.values())
    if adapter.model is not None or adapter.broken is not None or not adapter.factors or adapter.has_stacked_factors:
        return None
    return _file_params(adapter) + sum(
        (adapter.config_ranks[module] - pair.r) * (pair.a.values + pair.b.values) // pair.r
        for module, pair in adapter.factors.items()
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
