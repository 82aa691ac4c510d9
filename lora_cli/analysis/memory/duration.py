"""How long a training takes, from the share of the card's peak that its user reaches."""

from __future__ import annotations

from typing import SupportsFloat, SupportsIndex

from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.models.matrix import whole_number
from lora_cli.quantities import QuantityError, parse_count, parse_percent, parse_real, read, real_number

MAX_TOKENS = 10**18


def train_time(
    card: Card | None,
    product_dtype: str,
    flops_per_token: int,
    tokens: SupportsIndex | str | None,
    utilisation: SupportsFloat | str | None,
) -> tuple[int, float, float]:
    """Return the tokens, the utilisation, and the seconds: operations / (utilisation · the card's peak).

    There is no utilisation that holds for all, so it must be given.

    >>> from lora_cli.analysis.memory.cards import find_card
    >>> train_time(find_card("h100"), "bfloat16", 10**9, 10**6, 0.5)
    (1000000, 0.5, 2.0214271275520517)
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
    share = _share(utilisation)
    if share is None or not 0 < share <= 1:
        raise InvalidInput(
            f"{argument('utilisation')}: {quote(utilisation)} is not a share of the card's peak; give one above 0 and up "
            "to 1, e.g. 0.4 or 40%"
        )
    amount = read("tokens", tokens, parse_count, "tokens") if isinstance(tokens, str) else tokens
    number = whole_number("tokens", amount, 1, MAX_TOKENS)
    return number, share, number * flops_per_token / (share * card.teraflops * 1e12)


def _share(utilisation: SupportsFloat | str) -> float | None:
    """Return the share that a utilisation is, e.g. 0.4 for 0.4 and for 40%, or None where it is not one."""
    if not isinstance(utilisation, str):
        return real_number(utilisation)
    try:
        return parse_percent(utilisation) / 100 if utilisation.endswith("%") else parse_real(utilisation)
    except QuantityError:
        return None
