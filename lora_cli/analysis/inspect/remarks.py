"""What an inspection says beside its findings: where its files came from, and what its figures do not cover."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import counted, quote_long

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.spectrum_figures import Spectrum


def sources(adapter: InspectedAdapter) -> Iterator[str]:
    """Yield what was fetched from the Hub, and what was not."""
    yield from adapter.trained.notes
    yield from () if adapter.model is None else adapter.model.notes
    if adapter.trained.header is not None:
        yield f"{adapter.path}: the values of the file are on the Hub and were not read; `hf download` brings them here"
        unread = [
            update.module for update in adapter.described.values() if update.scaling is None and update.pair is not None
        ]
        if unread:
            yield f"{adapter.path}: alphas are among these values, so the scaling of {counted(unread, 'module')} is unknown"


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
