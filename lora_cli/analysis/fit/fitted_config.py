"""The adapter_config.json of a fitted adapter, as PEFT loads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.fit.largest_size import Fitted, Opened
from lora_cli.methods.config.adapter_config import lora_defaults, read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import Model

# What a class of transformers is trained for, where PEFT has a word for that.
TASKS = {"ForCausalLM": "CAUSAL_LM", "LMHeadModel": "CAUSAL_LM", "ForConditionalGeneration": "SEQ_2_SEQ_LM"}
TEXT_TO_TEXT = ("t5", "mt5", "bart")


def adapter_fields(opened: Opened, fitted: Fitted, base: str | None = None) -> dict[str, Any]:
    """Return the fields of the config: those that were given, the size, and what PEFT would fill in.

    `base` is where the base model is, if that is known. The task is that of the model's class, unless it would
    train more than was counted, as a classifier's head. PEFT's default targets and alpha are written out.
    """
    start, given = opened.start, {name: value for name, value in opened.fields.items() if value is not None}
    fields: dict[str, Any] = {"base_model_name_or_path": base, "task_type": None, **given, "inference_mode": False}
    if opened.knob is not None:
        fields[opened.knob] = fitted.size
    if "target_modules" in start.how.shared_fields and fields.get("target_modules") is None:
        found = start.targets.config.target_modules
        fields["target_modules"] = list(found) if isinstance(found, tuple) else found
    if start.how.alpha is not None and start.how.alpha not in fields and (alpha := default_alpha(start)) is not None:
        fields[start.how.alpha] = alpha
    task = _task(start.subject)
    if fields["task_type"] is None and task is not None and _counts_alike(opened, fitted, fields | {"task_type": task}):
        fields["task_type"] = task
    return dict(sorted(fields.items()))


def default_alpha(cost: ModelCount) -> int | float | None:
    """Return PEFT's default of the method's alpha; it may have none."""
    name = cost.how.alpha
    if name is None:
        return None
    read = cost.how.fields.get(name)
    value = lora_defaults()[name] if read is None else read(Config({}), name)
    if not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) else value


def _task(model: Model) -> str | None:
    if model.config is None:
        return None
    name = (model.config.items("architectures") or [""])[0]
    ending = next((ending for ending in TASKS if str(name).endswith(ending)), None)
    if ending == "ForConditionalGeneration" and model.model_type not in TEXT_TO_TEXT:
        return None
    return None if ending is None else TASKS[ending]


def _counts_alike(opened: Opened, fitted: Fitted, fields: dict[str, Any]) -> bool:
    config, _ = read_adapter_config(Config(fields, opened.source), opened.start.config.label)
    cost, asked = (
        ModelCount(opened.start.subject, replace(config, adapter_dtype=fitted.cost.config.adapter_dtype)),
        fitted.cost,
    )
    return cost.record() == asked.record()
