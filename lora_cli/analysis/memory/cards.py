"""Graphics cards: what memory a process can have on each, and what was measured there.

`mebibytes` is what nvidia-smi reports as the card's memory, with the source of the figure in
`tests/reference/cards.csv`.
"""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.errors import InvalidInput, argument, near_miss, quote

MIB = 2**20
# The generation from which on PyTorch has flash attention, and bfloat16 in hardware.
AMPERE = 8.0


class Measured(NamedTuple):
    """What was measured on a card, in bytes: the least and the most that a process takes beside what is reserved.

    `workspaces` are those of cuBLAS, which are allocated too. `spread` is how far, as a share, the reserved bytes were
    from what the allocator's rules give. `driver` is what the card's driver keeps for itself.
    """

    context: tuple[int, int]
    workspaces: tuple[int, ...]
    spread: float
    driver: int = 0


class Card(NamedTuple):
    """A card: its name and others that people use, its memory, its compute capability.

    `teraflops` are of dense products in bfloat16, or in float16 where there is no bfloat16, as its maker states them.
    """

    name: str
    mebibytes: int
    capability: float
    teraflops: float | None = None
    aliases: tuple[str, ...] = ()
    measured: Measured | None = None

    @property
    def bytes(self) -> int:
        """Its memory."""
        return self.mebibytes * MIB

    @property
    def has_flash(self) -> bool:
        """Whether PyTorch runs flash attention on it, which is also whether it has bfloat16."""
        return self.capability >= AMPERE


CARDS = (
    Card("t4", 15360, 7.5, 65, ("tesla-t4",), Measured((147718144, 147718144), (8519680, 8519680), 0.16)),
    Card(
        "h100-80gb",
        81559,
        9.0,
        989.4,
        ("h100", "h100-sxm"),
        Measured((783876096, 934871040), (33570816, 33570816), 0.18, 618004480),
    ),
    Card("h200", 143771, 9.0, 989.4, ("h200-141gb",)),
)
BY_NAME = {name: card for card in CARDS for name in (card.name, *card.aliases)}
# What people write before the name of a model of card.
MAKERS = ("nvidia-", "geforce-", "amd-", "tesla-", "quadro-")


def find_card(name: str) -> Card:
    """Return the card that a name means, however it is written.

    >>> find_card("NVIDIA Tesla T4").name, find_card("H100").name
    ('t4', 'h100-80gb')
    >>> find_card("h1000")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: gpu: 'h1000' is not a known card; did you mean h100?
    """
    plain = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    for maker in MAKERS:
        plain = plain.removeprefix(maker)
    card = BY_NAME.get(plain)
    if card is None:
        advice = near_miss(plain, BY_NAME, f"give {argument('vram')} with its memory instead, e.g. 24GB")
        raise InvalidInput(f"{argument('gpu')}: {quote(name)} is not a known card; {advice}")
    return card
