"""Which graphics cards are known, and what is known of each."""

from __future__ import annotations

import re

from lora_cli.analysis.listings.bundled_models import matches
from lora_cli.analysis.memory.cards import CARDS
from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.analysis.result import Record
from lora_cli.errors import InvalidInput, near_miss, quote

SOLD_AS = re.compile(r"([1-9]\d{0,3})gi?b")
# With error correction some 1/16 of a card's memory is kept back: a 24 GB L4 reports 22.49 GiB.
LEAST_SHARE = 0.93
FIELDS = ("gpu", "gpu_bytes", "generation", "capability", "teraflops", "measured", "aliases")


def known_cards(*patterns: str) -> list[Record]:
    """Return a record per card of whose names, generation, or memory as it is sold, each of the patterns is a part.

    `*`, `?` and `[...]` are wild.

    >>> [record["gpu"] for record in known_cards("A100*")], [record["gpu"] for record in known_cards("tesla")]
    (['a100-40gb', 'a100-80gb'], ['t4'])
    >>> [record["gpu"] for record in known_cards("4090", "laptop")]
    ['rtx-4090-laptop']
    >>> [record["gpu"] for record in known_cards("volta", "16gb")]
    ['v100-16gb']
    >>> [record["gpu"] for record in known_cards("ada", "24gb")]
    ['l4', 'rtx-4500-ada', 'rtx-4090']
    """
    parts = [pattern.lower().replace(" ", "-") for pattern in patterns]
    wanted = [card for card in CARDS if all(_is_meant(card, part) for part in parts)]
    if not wanted:
        names = [name for card in CARDS for name in (card.name, *card.aliases)]
        asked = " ".join(patterns)
        hint = near_miss(asked.lower(), names, "`lora-cli cards` lists all of them")
        raise InvalidInput(f"no known card matches {quote(asked)}; {hint}")
    return [_record(card) for card in wanted]


def _is_meant(card: Card, pattern: str) -> bool:
    names = (card.name, *card.aliases)
    if any(matches(name, pattern) for name in (*names, card.generation.lower())):
        return True
    size = SOLD_AS.fullmatch(pattern)
    is_in_names = any(SOLD_AS.search(name) for name in names)
    return size is not None and not is_in_names and LEAST_SHARE <= card.bytes / 2**30 / int(size[1]) <= 1


def _record(card: Card) -> Record:
    peak = None if card.teraflops is None else float(card.teraflops)
    measured, aliases = card.measured is not None, ",".join(card.aliases)
    figures = (card.name, card.bytes, card.generation, card.capability, peak, measured, aliases)
    return dict(zip(FIELDS, figures, strict=True))
