"""How long a training takes, from the share of the card's peak that its user reaches."""

from __future__ import annotations

from typing import SupportsFloat, SupportsIndex

from lora_cli.analysis.memory.cards import Card
from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.models.matrix import whole_number
from lora_cli.quantities import real_number

MAX_TOKENS = 10**18


def train_seconds(
    card: Card | None,
    product_dtype: str,
    flops_per_token: int,
    tokens: SupportsIndex | None,
    utilisation: SupportsFloat | None,
) -> float:
    """Return operations / (utilisation · the card's peak). There is no utilisation that holds for all, so it must be given.

    >>> from lora_cli.analysis.memory.cards import find_card
    >>> round(train_seconds(find_card("h100"), "bfloat16", 10**9, 10**6, 0.5), 3)
    2.021
    """
    if tokens is None or utilisation is None:
        missing, given = ("tokens", "utilisation") if tokens is None else ("utilisation", "tokens")
        raise InvalidInput(f"{argument(given)} gives a time only with {argument(missing)}; give both")
    if card is None or card.teraflops is None:
        problem = f"give {argument('gpu')}" if card is None else f"that of {card.name} is not"
        raise InvalidInput(f"{argument('tokens')} gives a time only on a card whose peak is known; {problem}")
    if product_dtype not in card.peak_dtypes:
        raise InvalidInput(
            f"{argument('tokens')} gives no time in {product_dtype}: the peak of {card.name} is known of products in "
            f"{' or '.join(card.peak_dtypes)}; give {argument('dtype')} {card.peak_dtypes[0]}"
        )
    share = real_number(utilisation)
    if share is None or not 0 < share <= 1:
        raise InvalidInput(
            f"{argument('utilisation')}: {quote(utilisation)} is not a share of the card's peak; give one above 0 and up "
            "to 1, e.g. 0.4"
        )
    return whole_number("tokens", tokens, 1, MAX_TOKENS) * flops_per_token / (share * card.teraflops * 1e12)
