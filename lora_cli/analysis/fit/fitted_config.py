"""The adapter_config.json of a fitted adapter, as PEFT loads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lora_cli.analysis.count.count_plan import Plan, make_plan
from lora_cli.analysis.count.model_count import count_plan
from lora_cli.analysis.fit.knob_search import KnobSearch
from lora_cli.analysis.fit.largest_size import LargestSize
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import Model
from lora_cli.models.sources.hub_name import hub_name
from lora_cli.models.sources.preset import hub_names_of, preset_named

# The task that a class of transformers is trained for, where PEFT has a name for it.
TASKS = {
    "ForCausalLM": "CAUSAL_LM",
    "LMHeadModel": "CAUSAL_LM",
    "T5ForConditionalGeneration": "SEQ_2_SEQ_LM",
    "BartForConditionalGeneration": "SEQ_2_SEQ_LM",
}


def fitted_fields(search: KnobSearch, largest: LargestSize) -> dict[str, Any]:
    """Return the fields of the config: those that were given, the size, and what PEFT would fill in.

    The base model is named as a recipe names it, or by its folder or its name on the Hub. The task is that of the model's
    class, unless PEFT would train more for it than was counted, e.g. a classifier's head. PEFT's default targets and alpha
    are written out.
    """
    plan = search.plan
    fields: dict[str, Any] = {**_base_model(plan.subject.name), "task_type": None}
    fields |= search.base
    fields |= {name: value for name, value in search.fields.items() if value is not None} | {"inference_mode": False}
    if search.knob is not None:
        fields[search.knob] = largest.size
    if "target_modules" in plan.method.shared_fields and fields.get("target_modules") is None:
        targets = plan.targets.config.target_modules
        fields["target_modules"] = list(targets) if isinstance(targets, tuple) else targets
    alpha = default_alpha(plan)
    if plan.method.alpha is not None and alpha is not None:
        fields.setdefault(plan.method.alpha, alpha)
    if fields["task_type"] is None:
        fields["task_type"] = _harmless_task(search, largest, fields)
    return dict(sorted(fields.items()))


def refuse_missing_task(search: KnobSearch, fields: Mapping[str, Any]) -> None:
    """Refuse a config of a prompt method without a task, which PEFT's `get_peft_model` does not take."""
    if search.plan.method.is_prompt and fields["task_type"] is None:
        raise InvalidInput(
            f"PEFT's get_peft_model takes {search.method} only with a task_type, and the model's class names none that "
            f"leaves the count as it is; give one, e.g. {argument('settings')} task_type=CAUSAL_LM"
        )


def alpha_note(search: KnobSearch, largest: LargestSize) -> str | None:
    """Return a note on the alpha that the config gets if none is given: it scales the update."""
    name, alpha = search.plan.method.alpha, default_alpha(search.plan)
    if name is None or name in search.fields or not largest.cost.r or not alpha:
        return None
    return f"{name} is PEFT's default, {alpha}, at {search.knob} {largest.size}; {argument('alpha')} sets it"


def default_alpha(plan: Plan) -> int | float | None:
    """Return PEFT's default of the method's alpha, or None where it has none."""
    name = plan.method.alpha
    if name is None:
        return None
    value = plan.method.fields[name]
    if not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) else value


def _harmless_task(search: KnobSearch, largest: LargestSize, fields: Mapping[str, Any]) -> str | None:
    """Return the task of the model's class if the config counts the same with it."""
    task = _task(search.plan.subject)
    if task is None:
        return None
    config, _ = read_adapter_config(Config({**fields, "task_type": task}, search.source), search.method)
    config = replace(config, adapter_dtype=largest.cost.config.adapter_dtype)
    counted = count_plan(make_plan(search.plan.subject, config))
    return task if counted.record() == largest.cost.record() else None


def _task(model: Model) -> str | None:
    if model.config is None:
        return None
    name = (model.config.items("architectures") or [""])[0]
    ending = next((ending for ending in TASKS if str(name).endswith(ending)), None)
    return None if ending is None else TASKS[ending]


def _base_model(source: str) -> dict[str, str | None]:
    """Return the fields that name the base model: the folder of a model on disk, or its name on the Hub where it has one.

    >>> _base_model("gpt2"), _base_model("vit-base")
    ({'base_model_name_or_path': 'openai-community/gpt2'}, {'base_model_name_or_path': None})
    >>> _base_model("org/name@v1")
    {'base_model_name_or_path': 'org/name', 'revision': 'v1'}
    """
    if os.path.lexists(source):
        return {"base_model_name_or_path": source if os.path.isdir(source) else os.path.dirname(source) or "."}
    if (name := hub_name(source)) is not None:
        revision = {} if name.revision is None else {"revision": name.revision}
        return {"base_model_name_or_path": name.repository, **revision}
    preset = preset_named(source)
    # The first one is its own.
    own = () if preset is None else hub_names_of(preset)[:1]
    return {"base_model_name_or_path": next(iter(own), None)}
