"""The options that say where trained adapters are to be loaded."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import typer

from lora_cli.analysis.check.loads_in import known_loaders
from lora_cli.analysis.loaders.registry import loader_names
from lora_cli.cli.candidates import list_of, one_of, peft_versions
from lora_cli.cli.help_text import LIMITS


class DestinationOptions(NamedTuple):
    """Loaders, and a release."""

    loads_in: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help=f"Programs that are to load adapters, e.g. peft,vllm: {', '.join(loader_names())}. What one would refuse or "
            "skip fails.",
            autocompletion=list_of(loader_names),
            rich_help_panel=LIMITS,
        ),
    ] = None
    peft_version: Annotated[
        str | None,
        typer.Option(
            metavar="V",
            help="Release of PEFT for --loads-in peft, e.g. 0.13.  [default: the newest]",
            autocompletion=one_of(peft_versions),
            rich_help_panel=LIMITS,
        ),
    ] = None

    def loaders(self) -> list[str] | None:
        """Return each loader by itself, unless one is not known."""
        return known_loaders(self.loads_in, self.peft_version)
