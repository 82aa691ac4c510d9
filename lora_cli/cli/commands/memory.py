"""`lora-cli memory`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lora_cli.analysis.memory.arguments import TrainingArguments
from lora_cli.analysis.memory.memory import FIELDS, TIME_FIELDS
from lora_cli.analysis.memory.memory import memory as replayed_memory
from lora_cli.analysis.memory.serving.serving import FIELDS as SERVED_FIELDS
from lora_cli.cli.answer import Answer
from lora_cli.cli.count_reports import config_part, people_settings
from lora_cli.cli.help_text import SERVING, TRAINING
from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.adaptation import read_adaptation
from lora_cli.cli.options.reading import read_given, whole
from lora_cli.cli.options.training import AdapterDtype, TrainingOptions, Vram
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.errors import InvalidInput, argument
from lora_cli.output import Report
from lora_cli.output.report import Conditions
from lora_cli.quantities import parse_count

if TYPE_CHECKING:
    from lora_cli.analysis.memory.memory import Memory
    from lora_cli.analysis.memory.serving.serving import Serving
    from lora_cli.output.plots.plot import Plot

# Its answers can be drawn.
PLOTS = True


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    return dict.fromkeys((*FIELDS, *TIME_FIELDS, *SERVED_FIELDS))


def memory(
    presentation: Presentation,
    training: TrainingOptions,
    source: subject.Source = None,
    model: subject.OnlyModelSource = None,
    r: adaptation.R = None,
    alpha: adaptation.Alpha = None,
    target: adaptation.Target = None,
    adapter: Annotated[
        list[str] | None,
        typer.Option(
            "--adapter",
            metavar="PATH",
            help="A PEFT adapter_config.json (- for standard input), its folder, or a Hub name; without a model, on the "
            "one that it names. May be repeated with --serve.",
            rich_help_panel=adaptation.METHOD,
        ),
        INPUT,
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="Fine-tuning method; full trains every weight, and `lora-cli methods` lists the others.  [default: lora]",
            autocompletion=adaptation.method_candidates("full"),
            rich_help_panel=adaptation.METHOD,
        ),
    ] = None,
    settings: adaptation.Set = None,
    adapter_dtype: AdapterDtype = None,
    recipe: subject.Recipe = None,
    vram: Vram = None,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens",
            metavar="N",
            help="With --utilisation, say the time for so many tokens, e.g. 10M.",
            rich_help_panel=TRAINING,
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
    serve: Annotated[
        str | None,
        typer.Option(
            "--serve",
            metavar="N",
            help="Say what vLLM preallocates for N adapters instead.",
            rich_help_panel=SERVING,
        ),
    ] = None,
    max_rank: Annotated[
        str | None,
        typer.Option(
            "--max-rank",
            metavar="R",
            help="Highest rank to serve.  [default: the adapters' highest, else 16]",
            rich_help_panel=SERVING,
        ),
    ] = None,
    tp: Annotated[
        str | None,
        typer.Option(
            "--tp", metavar="T", help="Cards that share the model (tensor parallelism).", rich_help_panel=SERVING
        ),
    ] = None,
) -> Answer:
    """Say what GPU memory a training step takes, and whether it fits.

    \b
    Examples:
      lora-cli memory llama-3.1-8b -t all-linear -r 16 --quantize nf4 --gpu 4090
      lora-cli memory llama-3.1-8b -r 16 --batch 4 --seq 1024 --vram 80GB
      lora-cli memory qwen2.5-7b -r 8 --gpu a100-80gb --field max_batch,max_seq
      lora-cli memory llama-3.1-8b --serve 8 --max-rank 64

    It replays what PyTorch allocates, saves for the backward and frees,
    operation by operation, and what its allocator reserves for that. With a
    card, the exit code is 0 only if the training is sure to fit, so that
    `lora-cli memory ... && train` is a guard: high_bytes must fit, or,
    on a card that was not measured, reserved_bytes and an allowance.
    With --serve it shows instead what vLLM allocates on each card for the
    adapters that it holds at a time, and what those given leave unused.
    """
    if presentation.plot is not None and serve is not None:
        raise InvalidInput(
            f"{argument('plot')} draws the step of a training, and {argument('serve')} has none; drop one of them"
        )
    is_timed = tokens is not None or utilisation is not None
    # Before the replay and not after it.
    conditions = _conditions(is_served=serve is not None, has_card=training.gpu is not None or vram is not None)
    presentation.writer(
        "memory",
        SERVED_FIELDS if serve is not None else (*FIELDS, *TIME_FIELDS) if is_timed else FIELDS,
        conditions=conditions,
    )
    how = read_adaptation(method, r, alpha, target, settings, None, adapter_dtype)
    arguments: dict[str, Any] = how._asdict() | training.read()
    arguments |= {
        "adapter": adapter,
        "recipe": recipe,
        "vram": vram,
        "tokens": read_given("tokens", tokens, parse_count, "tokens"),
        "utilisation": utilisation,
        "serve": whole("serve", serve),
        "max_rank": whole("max_rank", max_rank),
        "tp": whole("tp", tp),
    }
    found: Any = replayed_memory(subject.model_of(source, model), **arguments)
    answer = _trained(found, presentation) if serve is None else _served(found, presentation)
    return answer._replace(
        report=answer.report._replace(conditions=conditions),
        warnings=[*answer.warnings, *presentation.without_value(conditions)],
    )


def _conditions(*, is_served: bool, has_card: bool) -> Conditions:
    """Return which fields a training has, or knows, only with other options, and which a server has not."""
    from lora_cli.output.people import OF_CARD

    if is_served:
        return Conditions(option=argument("serve"), without=(*FIELDS, *TIME_FIELDS))
    timed = f"{argument('tokens')} and {argument('utilisation')}"
    return Conditions(
        {**dict.fromkeys(SERVED_FIELDS, argument("serve")), **dict.fromkeys(TIME_FIELDS, timed)},
        unknown={} if has_card else dict.fromkeys(OF_CARD, f"{argument('gpu')} or {argument('vram')}"),
        settings=TrainingArguments._fields,
    )


def _trained(found: Memory, presentation: Presentation) -> Answer:
    """Return the report of a training."""
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
        caption=lambda: found.allowance,
        settings=people_settings(found.training, record),
    )
    plot = _plot(report, found) if presentation.plot else None
    return Answer(report, presentation, found.warnings, found.notes, misfits=found.misfits, plot=plot)


def _plot(report: Report, found: Memory) -> Plot:
    from lora_cli.output.plots.answers.memory import plot

    return plot(report, found.phases)


def _served(found: Serving, presentation: Presentation) -> Answer:
    """Return the report of a server."""
    record = found.record()
    report = Report(
        "memory",
        tuple(record),
        [[tuple(record.values())]],
        parts={"assumptions": found.assumptions} if presentation.has_parts else {},
        design="serving",
        title=lambda: found.title,
    )
    return Answer(report, presentation, found.warnings, found.notes)


def _parts(found: Memory) -> dict[str, Any]:
    """Return what JSON shows beside the record."""
    return config_part(found.config_fields) | {
        "training": found.training,
        "phases": found.phases,
        "flops": found.flops,
        "assumptions": found.assumptions,
    }
