"""Where trained adapters are to be loaded, as a check asks for it. Most checks do without, and import no loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_cli.analysis.limits import MAX_RANK, Limits

if TYPE_CHECKING:
    from lora_cli.analysis.loaders.destination import Destination


def destination_of(loads_in: str | None, peft_version: str | None, limits: Limits) -> Destination | None:
    """Return where adapters are to be loaded, with the limit on their ranks; None where nothing is asked of it."""
    if loads_in is None and peft_version is None:
        return None
    from lora_cli.analysis.loaders.destination import read_destination

    return read_destination(loads_in, peft_version, limits.get(MAX_RANK))


def check_destination(loads_in: str | None, peft_version: str | None) -> None:
    """Refuse a loader or a release that is not known, also where the other one is still to be chosen."""
    if loads_in is not None:
        from lora_cli.analysis.loaders.registry import loader_named

        loader_named(loads_in)
    if peft_version is not None:
        from lora_cli.methods.config.peft_releases import read_release

        read_release(peft_version)
