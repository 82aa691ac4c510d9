"""`lora-cli inspect`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lora_cli.analysis.each_path import Unread, for_each
from lora_cli.analysis.inspect.figures import TRAINING_FIELDS
from lora_cli.analysis.inspect.findings.declaration import Finding
from lora_cli.analysis.inspect.inspect import FIELDS, SPECTRUM_FIELDS, Inspection
from lora_cli.analysis.inspect.inspect import inspect as inspect_adapter
from lora_cli.analysis.inspect.module_records import MODULE_FIELDS, SPECTRUM_MODULE_FIELDS
from lora_cli.analysis.revisions import REVISIONS
from lora_cli.cli.answer import Answer
from lora_cli.cli.blas_threads import one_blas_thread
from lora_cli.cli.candidates import model_sources
from lora_cli.cli.help_text import OUTPUT, RUN, SUBJECT
from lora_cli.cli.options import subject
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.adapter_file.read_adapter import adapter_paths
from lora_cli.output import Report
from lora_cli.output.report import ERRORS, EXPENDABLE, Conditions, Trouble, errors_part

if TYPE_CHECKING:
    from lora_cli.output.plots.plot import Plot

# Its answers can be drawn.
PLOTS = True
# What a narrow table of several adapters leaves out first: what is noted of a training, which few files have, and last
# what a person compares next.
ADAPTERS_EXPENDABLE = (
    *TRAINING_FIELDS,
    *REVISIONS,
    *("expected_bytes", "base_model", "expected_params", "file_params", "alpha", "dtype", "method", "max_rank"),
    *("adapted_modules", "saved_bytes", "saved_params"),
)
# What any other narrow table leaves out first: the ranks stay.
INSPECT_EXPENDABLE = (
    *("expected_bytes", "base_model", "expected_params", "alpha", "scaling", "dtype", "adapter"),
    *EXPENDABLE,
    *("d", "h"),
)


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    return (*FIELDS, *SPECTRUM_FIELDS, *TRAINING_FIELDS, *MODULE_FIELDS, *SPECTRUM_MODULE_FIELDS)


def inspect(
    presentation: Presentation,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Trained adapters: PEFT's folders, safetensors files of other formats, or Hub names.",
            rich_help_panel=SUBJECT,
        ),
        INPUT,
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="SOURCE",
            help=f"Base model to compare with: {subject.A_MODEL}.",
            autocompletion=model_sources,
            rich_help_panel=SUBJECT,
        ),
        INPUT,
    ] = None,
    spectrum: Annotated[
        bool,
        typer.Option(
            "--spectrum",
            help="Read the tensors, and show how much of its rank each LoRA update uses.",
            rich_help_panel=RUN,
        ),
    ] = False,
    per_module: Annotated[
        bool, typer.Option("--per-module", help="List the adapted modules.", rich_help_panel=OUTPUT)
    ] = False,
) -> Answer:
    """Show what trained adapters contain, and what is wrong with them.

    \b
    Examples:
      lora-cli inspect my-adapter
      lora-cli inspect my-adapter --model base --format json
      lora-cli inspect my-adapter --spectrum

    Reads the adapters of PEFT, kohya's scripts, LyCORIS, ComfyUI,
    diffusers, mlx-lm and torchtune, recognised by their keys: the config
    and the header, and in files up to 64 MiB also the values, to find NaN,
    infinity or an all-zero B. A folder of PEFT's folders is read as all of
    them. Compares names and shapes with those that PEFT would save for the
    --model, or for the base in the config if that is bundled or a folder
    here. Findings are shown with their remedies, on stderr too if that is
    elsewhere, and are in JSON; `check` fails on them.
    --spectrum computes the singular values of each update s*B*A: its
    Frobenius norm, the ranks that keep 90, 95 and 99 % of the energy, and
    what the smallest uniform rank that keeps 99 % everywhere would save.
    --plot draws the ranks that keep 99 %, layer by layer.
    """
    if presentation.plot is not None and not spectrum:
        raise InvalidInput(f"{argument('plot')} draws the spectrum; give {argument('spectrum')} too, or drop it")
    base = None
    if model is not None:
        from lora_cli.models.sources.read_model import read_model

        # Once for all adapters.
        base = read_model(model)
    if spectrum:
        one_blas_thread()
    track = partial(presentation.tracked, "Singular values")
    inspections, troubles = [], []
    read = partial(inspect_adapter, model=base, spectrum=spectrum, track=track)
    for found in for_each(chain.from_iterable(map(adapter_paths, paths)), read):
        if isinstance(found, Unread):
            troubles.append(Trouble(found.path, found.sentence()))
        else:
            inspections.append(found)
    is_whole = presentation.has_parts or not per_module
    report = _adapters_report(inspections, presentation) if is_whole else _modules_report(inspections)
    if presentation.has_parts and troubles:
        report = report._replace(parts={**report.parts, ERRORS: errors_part(troubles)})
    broken = [inspection.broken for inspection in inspections if inspection.broken is not None]
    return Answer(
        report,
        presentation,
        [warning for inspection in inspections for warning in inspection.warnings],
        [note for inspection in inspections for note in inspection.notes],
        errors=[error for inspection in inspections for error in inspection.errors],
        troubles=[*broken, *(trouble.message for trouble in troubles)],
        told=[each.sentence() for each in inspections[0].findings] if report.findings else (),
        plot=_plot(inspections) if presentation.plot and not troubles and not broken else None,
    )


def _plot(inspections: Sequence[Inspection]) -> Plot:
    from lora_cli.output.plots.answers.spectrum import plot

    reasons = [each.spectrum.reason for each in inspections if each.spectrum is not None and each.spectrum.reason]
    return plot([record for inspection in inspections for record in inspection.modules], reasons)


def _adapters_report(inspections: Sequence[Inspection], presentation: Presentation) -> Report:
    """Return a record for each adapter, and below a single one the groups of its modules.

    What no file notes has no field, unless it is asked for by name: a loop over files must not end at such a one.
    """
    spectrum_fields = SPECTRUM_FIELDS if any(inspection.spectrum for inspection in inspections) else ()
    there = {*presentation.asked_fields, *chain.from_iterable(inspections)}
    fields = (*FIELDS, *spectrum_fields, *(field for field in (*TRAINING_FIELDS, *REVISIONS) if field in there))
    both = f"{argument('per_module')} and {argument('spectrum')}"
    needs = {
        **dict.fromkeys(SPECTRUM_MODULE_FIELDS, both),
        **dict.fromkeys(MODULE_FIELDS, argument("per_module")),
        **dict.fromkeys(SPECTRUM_FIELDS, argument("spectrum")),
    }
    parts: dict[str, list[Mapping[str, Any]]] = {}
    if presentation.has_parts:
        parts["modules"] = [record for inspection in inspections for record in inspection.modules]
        parts["findings"] = [asdict(finding) for inspection in inspections for finding in inspection.findings]
    return Report(
        "inspect",
        fields,
        [[tuple(map(inspection.get, fields)) for inspection in inspections]],
        len(inspections),
        listing=len(inspections) > 1,
        parts=parts,
        expendable=INSPECT_EXPENDABLE if len(inspections) == 1 else ADAPTERS_EXPENDABLE,
        details=inspections[0].groups if len(inspections) == 1 else (),
        findings=_shown(inspections[0].findings) if len(inspections) == 1 else (),
        design="inspect" if len(inspections) == 1 else None,
        missing={"alpha": "not in the file"} if len(inspections) == 1 and inspections[0].lacks_alpha else {},
        conditions=Conditions(needs),
    )


def _shown(findings: Sequence[Finding]) -> list[Mapping[str, str]]:
    return [
        {"severity": each.severity, "finding": each.code, "message": each.message, "remedy": each.remedy}
        for each in findings
    ]


def _modules_report(inspections: Sequence[Inspection]) -> Report:
    """Return a record for each adapted module of all adapters."""
    with_spectrum = any(inspection.spectrum for inspection in inspections)
    fields = (*MODULE_FIELDS, *SPECTRUM_MODULE_FIELDS) if with_spectrum else MODULE_FIELDS
    rows = [tuple(map(record.get, fields)) for inspection in inspections for record in inspection.modules]
    return Report(
        "inspect",
        fields,
        [rows],
        len(rows),
        listing=True,
        expendable=INSPECT_EXPENDABLE,
        conditions=Conditions(
            dict.fromkeys(SPECTRUM_MODULE_FIELDS, argument("spectrum")),
            argument("per_module"),
            (*FIELDS, *SPECTRUM_FIELDS, *TRAINING_FIELDS, *REVISIONS),
        ),
    )
