"""Which graphics cards are known, and what is known of each."""

from __future__ import annotations

from lora_cli.analysis.listings.bundled_models import matches
from lora_cli.analysis.memory.cards import CARDS
from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.analysis.result import Record
from lora_cli.errors import InvalidInput, near_miss, quote

FIELDS = ("gpu", "gpu_bytes", "generation", "capability", "teraflops", "measured", "aliases")


def known_cards(*patterns: str) -> list[Record]:
    """Return a record per card of whose names, or generation, each of the patterns is a part: `*`, `?` and `[...]` are wild.

    >>> [record["gpu"] for record in known_cards("A100*")], [record["gpu"] for record in known_cards("tesla")]
    (['a100-40gb', 'a100-80gb'], ['t4'])
    >>> [record["gpu"] for record in known_cards("4090", "laptop")]
    ['rtx-4090-laptop']
    >>> [record["gpu"] for record in known_cards("volta", "16gb")]
    ['v100-16gb']
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
    return any(matches(name, pattern) for name in (card.name, *card.aliases, card.generation.lower()))


def _record(card: Card) -> Record:
    peak = None if card.teraflops is None else float(card.teraflops)
    measured, aliases = card.measured is not None, ",".join(card.aliases)
    figures = (card.name, card.bytes, card.generation, card.capability, peak, measured, aliases)
    return dict(zip(FIELDS, figures, strict=True))
