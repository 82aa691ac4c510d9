"""`lora-cli memory`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lora_cli.analysis.memory.memory import FIELDS, TIME_FIELD
from lora_cli.analysis.memory.memory import memory as replayed_memory
from lora_cli.cli.answer import Answer
from lora_cli.cli.help_text import TRAINING
from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.adaptation import read_adaptation
from lora_cli.cli.options.reading import read_given
from lora_cli.cli.options.training import AdapterDtype, TrainingOptions, Vram
from lora_cli.cli.presentation import Presentation
from lora_cli.output import Report
from lora_cli.quantities import parse_count, parse_positive

if TYPE_CHECKING:
    from lora_cli.analysis.memory.memory import Memory


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    return (*FIELDS, TIME_FIELD)


def memory(
    presentation: Presentation,
    training: TrainingOptions,
    source: subject.Source = None,
    model: subject.ModelSource = None,
    r: adaptation.R = None,
    target: adaptation.Target = None,
    adapter: adaptation.Adapter = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="Method; full trains every weight, and `lora-cli methods` lists the others.  [default: lora]",
            autocompletion=adaptation.method_candidates("full"),
            rich_help_panel=adaptation.METHOD,
        ),
    ] = None,
    settings: adaptation.Set = None,
    adapter_dtype: AdapterDtype = "float32",
    vram: Vram = None,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens", metavar="N", help="Tokens to train on, e.g. 10M, for a time.", rich_help_panel=TRAINING
        ),
    ] = None,
    utilisation: Annotated[
        str | None,
        typer.Option(
            "--utilisation",
            metavar="U",
            help="Share of the card's peak that your training reaches, e.g. 0.4.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
) -> Answer:
    """Say what GPU memory a training step takes, and whether it fits.

    \b
    Examples:
      lora-cli memory llama-3.1-8b --target all-linear -r 16 --gpu 4090
      lora-cli memory llama-3.1-8b -r 16 --quantize nf4 --batch 4 --seq 1024 --vram 24GB
      lora-cli memory qwen2.5-7b -r 8 --gpu a100-80gb --field max_batch,max_seq

    It replays what PyTorch allocates, saves for the backward and frees,
    operation by operation, and what its allocator reserves for that. With a
    card, the exit code is 0 only if the training is sure to fit, so that
    `lora-cli memory ... && train` is a guard.
    """
    how = read_adaptation(method, r, None, target, settings, adapter)
    found = replayed_memory(
        subject.model_of(source, model),
        tokens=read_given("tokens", tokens, parse_count),
        utilisation=read_given("utilisation", utilisation, parse_positive),
        vram=vram,
        **how._replace(adapter_dtype=adapter_dtype)._asdict(),
        **training.read(),
    )
    # Each line of advice is a replay of its own, which no single field needs.
    advice = [] if presentation.field else found.advice
    record = found.record()
    report = Report(
        "memory",
        tuple(record),
        [[tuple(record.values())]],
        parts=_parts(found) | {"advice": advice} if presentation.has_parts else {},
        details=advice,
        design="memory",
        title=lambda: found.title,
    )
    return Answer(report, presentation, found.warnings, found.notes, misfits=found.misfits)


def _parts(found: Memory) -> dict[str, Any]:
    """Return what JSON shows beside the record."""
    return {"phases": found.phases, "flops": found.flops, "assumptions": found.assumptions}
