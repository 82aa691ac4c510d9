"""Which graphics cards are known, and what is known of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from lora_cli.analysis.listings.patterns import is_wild
from lora_cli.analysis.memory.cards import CARDS
from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.analysis.result import Record
from lora_cli.errors import InvalidInput, near_miss, quote

PARTS = re.compile(r"[a-z]+|[0-9]+")
SOLD_AS = re.compile(r"([1-9]\d{0,3})(?:gi?b)?")
IN_NAME = re.compile(r"\dgb")
# With error correction some 1/16 of a card's memory is kept back: a 24 GB L4 reports 22.49 GiB.
LEAST_SHARE = 0.93
# What the makers call their series, which the names here may leave out.
SERIES: Mapping[str, Collection[str]] = {"NVIDIA": ("geforce", "tesla", "quadro"), "AMD": ("instinct",)}
NO_SERIES: Mapping[str, Collection[str]] = {}
FIELDS = ("gpu", "gpu_bytes", "generation", "capability", "teraflops", "measured", "aliases")


def known_cards(*patterns: str) -> list[Record]:
    """Return a record per card that all patterns fit: by a name however it is written, generation, maker, or memory as it is sold.

    Each word of a pattern fits what it begins a word of, and with `*`, `?` or `[...]` what it matches whole.

    >>> [record["gpu"] for record in known_cards("A100*")], [record["gpu"] for record in known_cards("tesla")]
    (['a100-40gb', 'a100-80gb'], ['t4'])
    >>> [record["gpu"] for record in known_cards("NVIDIA GeForce RTX 4090")]
    ['rtx-4090-laptop', 'rtx-4090']
    >>> [record["gpu"] for record in known_cards("ada", "24gb")]
    ['l4', 'rtx-4500-ada', 'rtx-4090']
    """
    words = " ".join(patterns).lower().split()
    wanted = _fitting(words) or _fitting(words, SERIES)
    if not wanted:
        names = [name for card in CARDS for name in (card.name, *card.aliases)]
        asked = " ".join(patterns)
        hint = near_miss("-".join(words), names, "`lora-cli cards` lists all of them")
        raise InvalidInput(f"no known card matches {quote(asked)}; {hint}")
    return [_record(card) for card in wanted]


def _fitting(words: Sequence[str], series: Mapping[str, Collection[str]] = NO_SERIES) -> list[Card]:
    """Return the cards that all words fit; the names of a maker's `series` fit all that it makes."""
    return [
        card for card in CARDS if all(_is_meant(card, word) or word in series.get(card.maker, ()) for word in words)
    ]


def _is_meant(card: Card, pattern: str) -> bool:
    names = (card.name, *card.aliases)
    if is_wild(pattern):
        return any(fnmatchcase(name, pattern) for name in names)
    if any(_begins_a_word(pattern, name) for name in (*names, card.generation, card.maker)):
        return True
    size = SOLD_AS.fullmatch(pattern)
    is_in_names = any(IN_NAME.search(name) for name in names)
    return size is not None and not is_in_names and LEAST_SHARE <= card.bytes / 2**30 / int(size[1]) <= 1


def _begins_a_word(pattern: str, name: str) -> bool:
    """Whether a name has a word, or a number in one, from which on it begins with a pattern.

    >>> [_begins_a_word(pattern, "rtx-3090-ti") for pattern in ("rtx3090", "3090-ti", "90", "-")]
    [True, True, False, False]
    """
    parts, key = PARTS.findall(name.lower()), "".join(PARTS.findall(pattern))
    return bool(key) and any("".join(parts[place:]).startswith(key) for place in range(len(parts)))


def _record(card: Card) -> Record:
    peak = None if card.teraflops is None else float(card.teraflops)
    measured, aliases = card.measured is not None, ",".join(card.aliases)
    figures = (card.name, card.bytes, card.generation, card.capability, peak, measured, aliases)
    return dict(zip(FIELDS, figures, strict=True))
