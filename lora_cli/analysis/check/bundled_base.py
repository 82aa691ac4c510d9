"""The bundled model that an adapter's config names as its base: what the adapter is compared with, if nothing else is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.subject import base_model_name
from lora_cli.errors import quote_long
from lora_cli.methods.adapter_file.read_adapter import adapter_without_tensors
from lora_cli.methods.config.adapter_config import GENERATING_TASKS
from lora_cli.models.family import GENERATING_CLASSES

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.inspect import Inspection
    from lora_cli.models.model import Model

# What `inspect` finds where an adapter was trained on another class of its base than the bundled one, or on one with
# another vocabulary: such an adapter may be whole.
OTHER_BASE = frozenset({"wrong-prefix", "unknown-tensor", "vocabulary-mismatch"})
# The figures of an adapter that follow from its base alone.
BASE_FIGURES = frozenset({"full_params", "all_params"})


def bundled_base(path: str) -> Model | None:
    """Return the model that the config of an adapter here names as its base, with a note, or None if that is not bundled.

    What a loader leaves out shows only beside a model, and a bundled one costs no network. Nor is there one where the
    config tells that the adapter was trained on another class, such as a classifier.
    """
    from lora_cli.models.sources.preset import is_preset, read_preset

    fields = adapter_without_tensors(path).fields
    name = base_model_name(fields)
    if name is None or not is_preset(name):
        return None
    model = read_preset(name)
    if not _is_of_class(fields, model):
        return None
    note = f"compared with the bundled model {quote_long(name)}, the base_model_name_or_path of its config"
    return replace(model, notes=(f"{path}: {note}",))


def is_of_other_base(inspection: Inspection) -> bool:
    """Whether what was found may come from another class or vocabulary of the base, and not from the adapter."""
    return not OTHER_BASE.isdisjoint(finding.code for finding in inspection.findings)


def _is_of_class(fields: Mapping[str, Any], model: Model) -> bool:
    """Whether a config may be of an adapter that was trained on the class of the bundled model.

    PEFT writes the class into `auto_mapping` where there is no `task_type`.
    """
    task, mapping = fields.get("task_type"), fields.get("auto_mapping")
    if task is not None:
        return task in GENERATING_TASKS
    own = mapping.get("base_model_class") if isinstance(mapping, dict) else None
    return own is None or (isinstance(own, str) and (own == model.model_type or own.endswith(GENERATING_CLASSES)))
