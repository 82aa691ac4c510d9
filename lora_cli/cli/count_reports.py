"""Counts as reports: the fields, parts and pictures of an answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from lora_cli.errors import argument
from lora_cli.output import Report
from lora_cli.output.report import Conditions
from lora_cli.quantities import Value

if TYPE_CHECKING:
    from lora_cli.analysis.count.count import Count
    from lora_cli.analysis.explain.explain import Explanation


def count_report(count: Count, per_module: bool) -> Report:
    """Return a count's record with what formats show beside it.

    That is the tensors of one matrix, with a picture of LoRA's A and B, or the groups of a model's modules.
    """
    record = count.record()
    parts = recipe_parts(count)
    picture = None
    groups = count.groups
    if count.model is None:
        parts["tensors"] = count.tensors
        picture = count.pair_sizes
    elif per_module:
        parts["modules"] = count.modules
    else:
        parts["groups"] = groups
    return Report(
        "count",
        tuple(record),
        [[tuple(record.values())]],
        parts=parts,
        picture=picture,
        details=[
            {name: "" if value is None else value for name, value in row.items()} | {"module": module}
            for row, module in zip(groups, count.group_names, strict=True)
        ],
        closing=count.summary,
        design="count",
        conditions=Conditions({} if count.model is None else _of_modules()),
        title=lambda: count.title,
        caption=lambda: defaults_caption(count),
    )


def _of_modules() -> dict[str, str]:
    """Return the fields that only the modules of a model have, and the option that lists these."""
    from lora_cli.analysis.count.breakdown import MODULE_FIELDS

    return dict.fromkeys(MODULE_FIELDS, argument("per_module"))


def config_part(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what JSON shows of how a model is adapted: an adapter_config.json, unless there is none."""
    return {"config": config} if config else {}


def recipe_parts(answer: Count | Explanation) -> dict[str, Any]:
    """Return what JSON shows of a recipe: what of it was used."""
    return {"assumptions": answer.assumptions} if answer.assumptions else {}


def training_part(training: Mapping[str, Value]) -> dict[str, Any]:
    """Return what JSON shows of how a model is trained, if it is."""
    return {"training": training} if training else {}


def people_settings(training: Mapping[str, Value], fields: Collection[str]) -> dict[str, Value]:
    """Return what people see of how a training was set up: what is not the default, and that no field of a record says."""
    from lora_cli.analysis.memory.training import unusual

    return {name: value for name, value in unusual(training).items() if name not in fields}


def defaults_caption(count: Count) -> list[str]:
    """Return what PEFT chose where the user did not say."""
    return [f"PEFT's defaults: {', '.join(count.defaults)}"] if count.defaults else []


def modules_report(count: Count) -> Report:
    """Return the adapted modules of a model, a record each."""
    from lora_cli.analysis.count.breakdown import MODULE_FIELDS

    rows = [tuple(record.values()) for record in count.modules]
    return Report(
        "count",
        MODULE_FIELDS,
        [rows],
        len(rows),
        listing=True,
        title=lambda: count.title,
        caption=lambda: defaults_caption(count),
        closing=count.summary,
        conditions=Conditions(option=argument("per_module"), without=tuple(count)),
    )
