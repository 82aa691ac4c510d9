"""`lora-cli count`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from lora_cli.analysis.count.count import count as count_parameters
from lora_cli.cli.answer import Answer
from lora_cli.cli.count_reports import config_part, count_report, modules_report
from lora_cli.cli.help_text import OUTPUT
from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.adaptation import read_adaptation
from lora_cli.cli.options.reading import size
from lora_cli.cli.presentation import Presentation
from lora_cli.errors import InvalidInput, argument


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    from lora_cli.analysis.count import model_count, plain_lora
    from lora_cli.analysis.count.breakdown import MODULE_FIELDS

    return (*model_count.FIELDS, *plain_lora.FIELDS, *MODULE_FIELDS)


def count(
    presentation: Presentation,
    d: subject.D = None,
    h: subject.H = None,
    r: adaptation.R = None,
    source: subject.Source = None,
    model: subject.ModelSource = None,
    target: adaptation.Target = None,
    adapter: adaptation.Adapter = None,
    method: adaptation.Method = None,
    alpha: adaptation.Alpha = None,
    settings: adaptation.Set = None,
    adapter_dtype: adaptation.AdapterDtype = None,
    recipe: subject.Recipe = None,
    per_module: Annotated[
        bool, typer.Option("--per-module", help="List the adapted modules of a model.", rich_help_panel=OUTPUT)
    ] = False,
) -> Answer:
    """Count the parameters that an adapter trains.

    \b
    Examples:
      lora-cli count llama-3.1-8b --target all-linear -r 16
      lora-cli count gpt2 --per-module --format csv
      lora-cli count gpt2 --set bias=all --set use_dora=true
      lora-cli count -d 1024 -h 1024 -r 32
      lora-cli count -d 4096 -h 14336 -r 16 --format json
      lora-cli count -d 6 -h 8 -r 2 --field trainable_params

    LoRA trains A (r x d) and B (r x h) instead of W (d x h): r * (d + h)
    parameters instead of d * h. Above the break-even rank d * h / (d + h),
    it trains more parameters than W holds. For a model, the figures are
    those of PEFT's get_nb_trainable_parameters().
    """
    model = subject.model_of(source, model)
    if model is None and recipe is None and per_module:
        raise InvalidInput(f"{argument('per_module')} lists the modules of a model; give {argument('model')} too")
    how = read_adaptation(method, r, alpha, target, settings, adapter, adapter_dtype)
    counted = count_parameters(size("d", d), size("h", h), model=model, recipe=recipe, **how._asdict())
    whole = presentation.has_parts or not per_module
    report = count_report(counted, per_module) if whole else modules_report(counted)
    if presentation.has_parts:
        report = report._replace(parts=config_part(counted.config_fields) | dict(report.parts))
    return Answer(report, presentation, counted.warnings, counted.notes)
