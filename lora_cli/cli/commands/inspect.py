"""`lora-cli inspect`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lora_cli.analysis.inspect.diagnosis import findings
from lora_cli.analysis.inspect.finding import NOTE, Finding
from lora_cli.analysis.inspect.inspection import FIELDS, MODULE_FIELDS, MODULE_SPECTRUM_FIELDS, SPECTRUM_FIELDS
from lora_cli.analysis.inspect.inspection import inspect as inspect_adapter
from lora_cli.cli.application import Answer
from lora_cli.cli.blas_threads import one_blas_thread
from lora_cli.cli.options import shared as options
from lora_cli.cli.options import subject
from lora_cli.errors import quote_long
from lora_cli.output import Report

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.inspection import Inspection
    from lora_cli.analysis.inspect.spectrum import Spectrum


def inspect(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Folders with adapter_config.json and its safetensors file.")
    ],
    model: subject.ModelSource = None,
    spectrum: Annotated[
        bool, typer.Option("--spectrum", help="Read the tensors, and say how much of LoRA's rank the updates use.")
    ] = False,
    per_module: Annotated[bool, typer.Option("--per-module", help="List the modules that adapters are for.")] = False,
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Say what trained adapters hold, and what is wrong with them.

    \b
    Reads the config and the header of the file; values are looked at (NaN,
    infinity, an all-zero B) in files up to 64 MiB. With --model, names and
    shapes are held against those that PEFT would save on it. Findings go to
    stderr, and into JSON; `check` fails on them. --spectrum takes the
    singular values of each update s*B*A: its Frobenius norm, the rank that
    keeps 90, 95 and 99 % of their energy, and what the smallest uniform
    rank that keeps 99 % of all would save.

    \b
    Examples:
      lora-cli inspect my-adapter
      lora-cli inspect my-adapter --model base --format json
      lora-cli inspect my-adapter --spectrum
    """
    show = options.Show(format, field, output, color)
    base = None
    if model is not None:
        from lora_cli.models.sources.read_model import read_model

        base = read_model(model)
    inspected = [inspect_adapter(path, base, values=spectrum or None) for path in paths]
    if spectrum:
        one_blas_thread()
        from lora_cli.analysis.inspect.spectrum import spectrum as take_spectrum

        inspected = [
            found if found.broken else replace(found, spectrum=take_spectrum(found.named, show.tracked))
            for found in inspected
        ]
    made = [finding for found in inspected for finding in findings(found)]
    report = _modules(inspected) if per_module and format != "json" else _adapters(inspected, made, format)
    notes = [finding.said() for finding in made if finding.severity == NOTE]
    notes += [
        f"{found.adapter}: the file is large, so its values were not looked at; `check` does"
        for found in inspected
        if found.seen is None and not found.broken
    ]
    notes += [f"{found.adapter}: {said}" for found in inspected if found.spectrum for said in _beside(found.spectrum)]
    return Answer(
        report,
        show,
        # What could not be read is trouble, and is said as such.
        [finding.said() for finding in made if finding.severity != NOTE and finding.code != "broken-file"],
        notes,
        troubles=[found.broken for found in inspected if found.broken],
    )


def _adapters(inspected: Sequence[Inspection], made: Sequence[Finding], format: str) -> Report:
    fields = (*FIELDS, *SPECTRUM_FIELDS) if any(found.spectrum for found in inspected) else FIELDS
    parts: dict[str, list[Mapping[str, Any]]] = {}
    if format == "json":
        parts["modules"] = [record for found in inspected for record in found.modules()]
        parts["findings"] = [finding._asdict() for finding in made]
    return Report(
        "inspect",
        fields,
        [[tuple(map(found.record().get, fields)) for found in inspected]],
        len(inspected),
        listing=len(inspected) > 1,
        parts=parts,
        details=inspected[0].groups() if len(inspected) == 1 else (),
    )


def _modules(inspected: Sequence[Inspection]) -> Report:
    fields = (*MODULE_FIELDS, *MODULE_SPECTRUM_FIELDS) if any(found.spectrum for found in inspected) else MODULE_FIELDS
    rows = [tuple(map(record.get, fields)) for found in inspected for record in found.modules()]
    return Report("inspect", fields, [rows], len(rows), listing=True)


def _beside(spectrum: Spectrum) -> Iterator[str]:
    """Yield what a spectrum does not cover, and what to know of it."""
    yield from filter(None, (spectrum.reason and f"no spectrum: {spectrum.reason}", spectrum.note))
    for module, reason in spectrum.left_out:
        yield f"the spectrum leaves out {quote_long(module)}: {reason}"
