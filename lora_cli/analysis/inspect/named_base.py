"""The bundled or local model that an adapter's config names as its base: what it is compared with, if nothing else is given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.subject import base_model_name
from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import GENERATING_TASKS
from lora_cli.models.family import GENERATING_CLASSES
from lora_cli.models.sources.local_files import CONFIG, read_files
from lora_cli.time_limit import TookTooLong

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.findings.declaration import Finding
    from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
    from lora_cli.models.model import Model

# What `inspect` finds where an adapter was trained on another class of its base than the one compared, or on one with
# another vocabulary: such an adapter may be whole.
OTHER_BASE = frozenset({"wrong-prefix", "unknown-tensor", "vocabulary-mismatch"})


def named_base(trained: TrainedAdapter) -> tuple[Model | None, tuple[str, ...]]:
    """Return the model that the config of an adapter here names as its base, with a note, or None and perhaps why not.

    What a loader leaves out shows only beside a model, and one that is bundled or in a folder here costs no network. A
    folder is found from the working directory, as a loader finds it. Nor is there a model where the config tells that
    the adapter was trained on another class, such as a classifier.
    """
    name = base_model_name(trained.fields) if trained.header is None else None
    if name is None:
        return None, ()
    try:
        found = _read(name)
    except TookTooLong:
        raise
    except InvalidInput as error:
        return None, (f"{trained.name}: the base model that its config names cannot be read: {error}",)
    if found is None or not _is_of_class(trained.fields, found[1]):
        return None, ()
    kind, model = found
    note = f"compared with the {kind} {quote_long(name)}, the base_model_name_or_path of its config"
    return replace(model, notes=(f"{trained.name}: {note}", *model.notes)), ()


def _read(name: str) -> tuple[str, Model] | None:
    """Return the model of a name, and what kind of model it is; None where it is neither here nor bundled."""
    from lora_cli.models.sources.preset import is_preset, read_preset

    # A config.json that is a FIFO would be waited for.
    if os.path.isfile(os.path.join(name, CONFIG)):
        return "model in the folder", read_files(name)
    return ("bundled model", read_preset(name)) if is_preset(name) else None


def is_of_other_base(findings: Iterable[Finding]) -> bool:
    """Whether what was found may come from another class or vocabulary of the base, and not from the adapter."""
    return not OTHER_BASE.isdisjoint(finding.code for finding in findings)


def _is_of_class(fields: Mapping[str, Any], model: Model) -> bool:
    """Whether a config may be of an adapter that was trained on the class of the model.

    PEFT writes the class into `auto_mapping` where there is no `task_type`.
    """
    task, mapping = fields.get("task_type"), fields.get("auto_mapping")
    if task is not None:
        return task in GENERATING_TASKS
    own = mapping.get("base_model_class") if isinstance(mapping, dict) else None
    return own is None or (isinstance(own, str) and (own == model.model_type or own.endswith(GENERATING_CLASSES)))
