"""`lora-cli cards`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from lora_cli.cli.answer import Answer
from lora_cli.cli.candidates import card_aliases, card_groups, card_names, one_of
from lora_cli.cli.help_text import SUBJECT
from lora_cli.cli.presentation import Presentation
from lora_cli.output import Report


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    from lora_cli.analysis.listings.known_cards import FIELDS

    return FIELDS


def cards(
    presentation: Presentation,
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN...",
            help="Show only the cards in whose names a word begins with this, or that it matches with * and ?, or of this "
            "maker, generation or memory, e.g. amd, ada or 24gb; several must all match.",
            autocompletion=one_of(card_names, card_aliases, card_groups),
            rich_help_panel=SUBJECT,
        ),
    ] = None,
) -> Answer:
    """List the graphics cards.

    \b
    Examples:
      lora-cli cards 4090
      lora-cli cards 'rtx-3*' --field gpu
      lora-cli cards --format csv

    NVIDIA's and AMD's, by generation from the oldest, then by memory. For
    each card: the name that --gpu takes, its memory as nvidia-smi or
    rocm-smi reports it (of some the size that it is sold as), its CUDA
    compute capability, its peak of dense 16-bit products where it is known,
    and whether `lora-cli memory` knows its band from measurements.
    """
    from lora_cli.analysis.listings.known_cards import FIELDS, known_cards

    records = known_cards(*patterns or ())
    report = Report(
        "cards",
        FIELDS,
        [[tuple(each.values()) for each in records]],
        len(records),
        listing=True,
        design="cards",
    )
    return Answer(report, presentation)
