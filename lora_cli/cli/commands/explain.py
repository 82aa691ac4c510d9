"""`lora-cli explain`."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from lora_cli.analysis.explain.explain import explain as explain_log
from lora_cli.analysis.explain.log_reading import MOST_CHARACTERS
from lora_cli.analysis.explain.match import FIELDS
from lora_cli.cli.answer import Answer
from lora_cli.cli.count_reports import recipe_parts
from lora_cli.cli.help_text import SUBJECT
from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.adaptation import read_adaptation
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.methods.config.adapter_config import EVERYWHERE
from lora_cli.methods.registry import DEFAULT_METHOD
from lora_cli.models.files import read_text
from lora_cli.models.streams import is_stream
from lora_cli.output import Report


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    return FIELDS


def explain(
    presentation: Presentation,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="The trainer's log line, or only its number of trained parameters, or a file with the log, - being standard "
            "input; the last count in it is explained.",
            rich_help_panel=SUBJECT,
        ),
        INPUT,
    ],
    model: subject.OnlyModelSource = None,
    r: adaptation.R = None,
    target: adaptation.Target = None,
    adapter: adaptation.Adapter = None,
    method: adaptation.Method = None,
    alpha: adaptation.Alpha = None,
    settings: adaptation.Set = None,
    recipe: subject.Recipe = None,
) -> Answer:
    """Say which configuration prints a trainer's count, and why.

    \b
    Examples:
      lora-cli explain "trainable params: 8650752 || all params: 10597552128"
      lora-cli explain "Number of trainable parameters = 294,912" -m gpt2 -r 16
      lora-cli explain 20,971,520 --recipe sft.json

    Give what you believe was configured, by options or the trainer's own
    --recipe, or nothing. Up to three things are changed of it: the rank, the
    targets, the layers, the method's flags, full copies and biases, the base
    model, and how the trainer counts. A match makes the printed figures to
    the last digit; those with the fewest changes are shown. Where no model
    is named, the bundled models are tried, by the figure of all parameters.
    It reads the lines of PEFT, transformers, TRL, axolotl, LLaMA-Factory,
    Unsloth, ms-swift and mlx-lm, and finds them in a log. Where nothing
    matches, a note says so and the exit code is 0.
    """
    log = read_text(text, MOST_CHARACTERS) if is_stream(text) or os.path.isfile(text) else text
    how = read_adaptation(method, r, alpha, target, settings, adapter)
    beliefs = {name: value for name, value in how._asdict().items() if name != "adapter_dtype"}
    found = explain_log(log, model, recipe=recipe, **beliefs)
    report = Report(
        "explain",
        found.fields,
        [[tuple(match.values()) for match in found]],
        len(found),
        listing=True,
        parts={"log": found.log, "alternatives": found.alternatives} | recipe_parts(found)
        if presentation.has_parts
        else {},
        details=[
            {} if match.is_resized else {"command": count_command(match.model, json.loads(match.config))}
            for match in found
        ],
        design="explain",
        title=lambda: found.title,
    )
    return Answer(report, presentation, found.warnings, found.notes)


def count_command(model: str, fields: Mapping[str, Any]) -> str:
    """Return the command that counts a config on a model.

    >>> count_command("gpt2", {"peft_type": "LORA", "target_modules": ["c_attn", "c_proj"], "r": 8, "bias": "all"})
    'lora-cli count gpt2 -t c_attn,c_proj -r 8 --set bias=all'
    """
    return shlex.join(["lora-cli", "count", model, *_options(fields)])


def _options(fields: Mapping[str, Any]) -> Iterator[str]:
    method, target = str(fields["peft_type"]).lower(), fields.get("target_modules")
    if method != DEFAULT_METHOD:
        yield from ("--method", method)
    if target is not None:
        yield from ("-t", target if isinstance(target, str) else ",".join(target))
    if "r" in fields:
        yield from ("-r", str(fields["r"]))
    for field, value in fields.items():
        if field not in EVERYWHERE | {"target_modules", "r"}:
            yield from (
                "--set",
                f"{field}={value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}",
            )
