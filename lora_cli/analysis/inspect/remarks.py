"""What an inspection says beside its findings: where its files came from, and what its figures do not cover."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.analysis.subject import base_model_name
from lora_cli.errors import argument, counted, quote_long
from lora_cli.models.sources.adapter_source import adapters_below

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.spectrum_figures import Spectrum


def sources(adapter: InspectedAdapter) -> Iterator[str]:
    """Yield what was fetched from the Hub, and what was not read."""
    yield from _unread(adapter)
    yield from adapter.trained.notes
    yield from () if adapter.model is None else adapter.model.notes
    yield from _compared_modules(adapter)
    if adapter.trained.header is not None:
        yield f"{adapter.path}: the values of the file are on the Hub and were not read; `hf download` brings them here"
        unread = [
            update.module for update in adapter.described.values() if update.scaling is None and update.pair is not None
        ]
        if unread:
            yield f"{adapter.path}: alphas are among these values, so the scaling of {counted(unread, 'module')} is unknown"


def _compared_modules(adapter: InspectedAdapter) -> Iterator[str]:
    """Yield which modules of another program's file were compared with the model, whose figures do not tell."""
    model, own = quote_long(adapter.model_name), adapter.modules_on_model
    if own:
        amount = f"{len(own)} of its {len(adapter.updates)} modules {'is' if len(own) == 1 else 'are'}"
        yield f"{adapter.path}: {amount} in {model}, and compared with the sizes there"
    elif own is not None and adapter.has_only_text_encoders and not adapter.foreign_modules:
        parts = " and ".join(sorted(adapter.components))
        yield f"{adapter.path}: it was not compared with {model}, as it has only modules of {parts}"


def _unread(adapter: InspectedAdapter) -> Iterator[str]:
    """Yield which adapters lie below one, as the checkpoints of a training do, and were not read with it."""
    if os.path.isdir(adapter.path) and (below := adapters_below(adapter.path)):
        names = list(map(os.path.basename, below))
        yield (
            f"{adapter.path}: {counted(names, 'adapter')} in folders below it {'was' if len(below) == 1 else 'were'} not "
            f"read; give the path of each, e.g. {quote_long(below[0])}"
        )


def not_compared(adapter: InspectedAdapter, *, without_name: bool = False) -> Iterator[str]:
    """Yield that an adapter was read without the base model that its config names, or also where that names none."""
    base = base_model_name(adapter.trained.fields)
    if adapter.model is None and (base is not None or without_name):
        name = "" if base is None else f" {quote_long(base)}"
        yield (
            f"{adapter.path}: it was not compared with its base model{name}, which shows what is missing; "
            f"give that as {argument('model')}"
        )


def remarks(adapter: InspectedAdapter, spectrum: Spectrum | None) -> Iterator[str]:
    """Yield what the figures do not cover."""
    yield from sources(adapter)
    if adapter.values is None and adapter.broken is None and adapter.trained.header is None:
        yield f"{adapter.path}: the file is large, so its values were not read; `check` reads them"
    if spectrum is not None:
        yield from (f"{adapter.path}: {remark}" for remark in _spectrum_remarks(spectrum))


def _spectrum_remarks(spectrum: Spectrum) -> Iterator[str]:
    if spectrum.reason is not None:
        yield f"there is no spectrum: {spectrum.reason}"
    if spectrum.note is not None:
        yield spectrum.note
    for module, reason in spectrum.left_out:
        yield f"the spectrum leaves out {quote_long(module)}: {reason}"
