"""Graphics cards: what memory a process can have on each, and what was measured there.

`mebibytes` is what nvidia-smi or rocm-smi reports as the card's memory, or the size that it is sold as (`is_nominal`) where
no such report was found, with the source of the figure, and of each peak, in `tests/reference/cards.csv`. PyTorch sees each of the two dies of an MI250 or MI250X as a card.
"""

from __future__ import annotations

import re

from lora_cli.analysis.memory.graphics_card import Card, Measured
from lora_cli.analysis.memory.training import several
from lora_cli.errors import InvalidInput, argument, is_several, near_miss, quote

# By generation, and within one by memory.
CARDS = (
    Card("p100", 16384, 6.0, None, ("p100-16gb", "p100-pcie-16gb", "p100-sxm2-16gb")),
    Card("titan-v", 12288, 7.0, is_nominal=True),
    Card("v100-16gb", 16384, 7.0, None, ("v100", "v100-sxm2-16gb", "v100-pcie-16gb")),
    Card("v100-32gb", 32768, 7.0, None, ("v100-sxm2-32gb", "v100-sxm3-32gb", "v100-pcie-32gb", "v100s-pcie-32gb")),
    Card("rtx-2060", 6144, 7.5, 25.8, is_nominal=True),
    Card("quadro-rtx-4000", 8192, 7.5, 57, ("rtx-4000",)),
    Card("rtx-2060-super", 8192, 7.5, 28.7),
    Card("rtx-2070", 8192, 7.5, 29.9, is_nominal=True),
    Card("rtx-2070-super", 8192, 7.5, 36.2, is_nominal=True),
    Card("rtx-2080", 8192, 7.5, 40.3),
    Card("rtx-2080-super", 8192, 7.5, 44.6),
    Card("rtx-2080-ti", 11264, 7.5, 53.8),
    Card("t4", 15360, 7.5, 65, ("tesla-t4",), Measured((147718144, 147718144), (8519680, 8519680), 0.16, (40, 1024))),
    Card("titan-rtx", 24219, 7.5, 130.5),
    Card("quadro-rtx-6000", 24576, 7.5, 130.5, ("rtx-6000",)),
    Card("quadro-rtx-8000", 48601, 7.5, 130.5, ("rtx-8000",)),
    Card("rtx-a2000-6gb", 6138, 8.6, 31.9, ("rtx-a2000",)),
    Card("rtx-3060-ti", 8192, 8.6, 32.4),
    Card("rtx-3070", 8192, 8.6, 40.6),
    Card("rtx-3070-ti", 8192, 8.6, 43.5, is_nominal=True),
    Card("rtx-3080-laptop-8gb", 8192, 8.6, None, ("rtx-3080-laptop", "rtx-3080-laptop-gpu")),
    Card("rtx-3080-10gb", 10240, 8.6, 59.5, ("rtx-3080",)),
    Card("rtx-a2000-12gb", 12282, 8.6, 31.9),
    Card("rtx-3060-12gb", 12288, 8.6, 25.5, ("rtx-3060",)),
    Card("rtx-3080-12gb", 12288, 8.6, 61.3),
    Card("rtx-3080-ti", 12288, 8.6, 68.2, is_nominal=True),
    Card("rtx-a4000", 16376, 8.6, 76.7),
    Card("rtx-3080-laptop-16gb", 16384, 8.6, is_nominal=True),
    Card("a10", 23028, 8.6, 125, ("a10-24gb",)),
    Card("a10g", 23028, 8.6, 70, ("a10g-24gb",)),
    Card("rtx-a5000", 24564, 8.6, 111.1),
    Card("rtx-3090-ti", 24564, 8.6, 80),
    Card("a30", 24576, 8.0, 165, ("a30-24gb",), is_nominal=True),
    Card("rtx-3090", 24576, 8.6, 71.2),
    Card("a100-40gb", 40960, 8.0, 312, ("a100", "a100-sxm4-40gb", "a100-pcie-40gb")),
    Card("a40", 46068, 8.6, 149.7, ("a40-48gb",)),
    Card("rtx-a6000", 49140, 8.6, 154.8),
    Card("a100-80gb", 81920, 8.0, 312, ("a100-sxm4-80gb", "a100-80gb-pcie", "a100-pcie-80gb")),
    Card("a800-80gb", 81920, 8.0, 312, ("a800", "a800-sxm4-80gb", "a800-80gb-pcie")),
    Card("rtx-4060", 8188, 8.9, 30.2),
    Card("rtx-4060-ti-8gb", 8192, 8.9, 44.1, ("rtx-4060-ti",), is_nominal=True),
    Card("rtx-4070-laptop", 8192, 8.9, None, ("rtx-4070-laptop-gpu",), is_nominal=True),
    Card("rtx-4070", 12282, 8.9, 58.3),
    Card("rtx-4070-super", 12282, 8.9, 71),
    Card("rtx-4070-ti", 12282, 8.9, 80.2),
    Card("rtx-4080-laptop", 12288, 8.9, None, ("rtx-4080-laptop-gpu",), is_nominal=True),
    Card("rtx-4070-ti-super", 16376, 8.9, 88.2),
    Card("rtx-4080-super", 16376, 8.9, 104.4),
    Card("rtx-4090-laptop", 16376, 8.9, None, ("rtx-4090-laptop-gpu",)),
    Card("rtx-4060-ti-16gb", 16380, 8.9, 44.1),
    Card("rtx-2000-ada", 16380, 8.9, 48, ("rtx-2000-ada-generation",)),
    Card("rtx-4080", 16384, 8.9, 97.5, is_nominal=True),
    Card("rtx-4000-ada", 20475, 8.9, None, ("rtx-4000-ada-generation", "rtx-4000-sff-ada-generation")),
    Card("l4", 23034, 8.9, 121, ("l4-24gb",)),
    Card("rtx-4500-ada", 23034, 8.9, 158.5, ("rtx-4500-ada-generation",)),
    Card("rtx-4090", 24564, 8.9, 165.2),
    Card("rtx-5000-ada", 32760, 8.9, 261.1, ("rtx-5000-ada-generation",)),
    Card("l40", 46068, 8.9, 181.05, ("l40-48gb",)),
    Card("l40s", 46068, 8.9, 362.1, ("l40s-48gb",)),
    Card("rtx-6000-ada", 49140, 8.9, 364, ("rtx-6000-ada-generation",)),
    Card("rtx-5880-ada", 49152, 8.9, 277.1, ("rtx-5880-ada-generation",), is_nominal=True),
    Card(
        "h100-80gb",
        81559,
        9.0,
        989.4,
        ("h100", "h100-sxm", "h100-80gb-hbm3", "h100-sxm5-80gb"),
        Measured((783876096, 934871040), (33570816, 33570816), 0.18, (132, 2048), 618004480, addresses_fall=True),
    ),
    Card("h100-pcie", 81559, 9.0, 756, ("h100-pcie-80gb",)),
    Card("h800", 81920, 9.0, 989, ("h800-80gb",), is_nominal=True),
    Card("h100-nvl", 95830, 9.0, 835.5, ("h100-94gb",)),
    Card("gh200", 97871, 9.0, 989, ("gh200-96gb", "gh200-480gb", "gh200-120gb")),
    Card("h20", 98304, 9.0, 148, ("h20-96gb",), is_nominal=True),
    Card(
        "h200",
        143771,
        9.0,
        989.4,
        ("h200-141gb",),
        Measured((783876096, 897122304), (33570816, 33570816), 0.18, (132, 2048), 744947712, addresses_fall=True),
    ),
    Card("rtx-5060", 8192, 12.0, 38.4, is_nominal=True),
    Card("rtx-5060-ti-8gb", 8192, 12.0, 47.4, ("rtx-5060-ti",), is_nominal=True),
    Card("rtx-5070", 12227, 12.0, 61.7),
    Card("rtx-5070-ti", 16303, 12.0, 87.9),
    Card("rtx-5080", 16303, 12.0, 112.6),
    Card("rtx-pro-2000-blackwell", 16311, 12.0, None, ("rtx-pro-2000",)),
    Card("rtx-5060-ti-16gb", 16311, 12.0, 47.4),
    Card("rtx-5080-laptop", 16384, 12.0, None, ("rtx-5080-laptop-gpu",), is_nominal=True),
    Card("rtx-pro-4000-blackwell", 24467, 12.0, None, ("rtx-pro-4000",)),
    Card("rtx-5090-laptop", 24576, 12.0, None, ("rtx-5090-laptop-gpu",), is_nominal=True),
    Card("rtx-5090", 32607, 12.0, 209.5),
    Card("rtx-pro-4500-blackwell", 32623, 12.0, None, ("rtx-pro-4500",)),
    Card("rtx-pro-5000-blackwell", 48935, 12.0, None, ("rtx-pro-5000",)),
    Card(
        "rtx-pro-6000-blackwell",
        97887,
        12.0,
        None,
        ("rtx-pro-6000", "rtx-pro-6000-blackwell-server-edition", "rtx-pro-6000-blackwell-workstation-edition"),
    ),
    Card("b200", 183359, 10.0, 2250, ("b200-192gb", "b200-180gb")),
    Card("gb200", 189471, 10.0, 2500),
    Card("b300", 275040, 10.3, 2250, ("b300-sxm", "b300-sxm6", "b300-sxm6-ac")),
    Card("gb300", 284208, 10.3, 2500),
    Card("mi210", 65536, "gfx90a", 181, is_nominal=True),
    Card("mi250", 65536, "gfx90a", 181.05, is_nominal=True),
    Card("mi250x", 65536, "gfx90a", 191.5, is_nominal=True),
    Card("mi300x", 196592, "gfx942", 1307.4, ("mi300x-oam", "mi300x-192gb")),
    Card("mi325x", 262144, "gfx942", 1307.4, ("mi325x-oam", "mi325x-256gb"), is_nominal=True),
    Card("mi350x", 294912, "gfx950", 2300, ("mi350x-288gb",), is_nominal=True),
    Card("mi355x", 294912, "gfx950", 2500, ("mi355x-288gb",), is_nominal=True),
)
# What the names of cards start with, which people leave out or add.
MAKERS = frozenset({"nvidia", "geforce", "tesla", "quadro", "amd", "instinct"})
SERIES = "rtx"


def _key(name: str) -> str:
    """Return a name of a card without what people write in several ways.

    >>> _key("NVIDIA GeForce RTX 4090"), _key("rtx-4090"), _key("A100-SXM4-80GB")
    ('4090', '4090', 'a100sxm480gb')
    """
    key = "".join(_words(name))
    return key.removeprefix(SERIES) or key


def _words(name: str) -> list[str]:
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return [word for word in words if word not in MAKERS]


# What a card's memory alone looks like.
SIZE = re.compile(r"[\d.]+\s*[gm]i?b?", re.IGNORECASE)
BY_KEY = {_key(name): card for card in CARDS for name in (card.name, *card.aliases)}


def find_card(name: str) -> Card:
    """Return the card that a name means, however it is written. One that is sold in several sizes means the smallest.

    >>> find_card("NVIDIA Tesla T4").name, find_card("H100").name, find_card("rtx3090ti").name, find_card("a100").name
    ('t4', 'h100-80gb', 'rtx-3090-ti', 'a100-40gb')
    >>> find_card("h1000")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: gpu: 'h1000' is not a known card; did you mean h100, h100-80gb or v100?
    >>> find_card("5070super")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: gpu: '5070super' is not a known card; did you mean 4070-super, 2070-super or 4080-super?
    """
    if is_several(name):
        raise several("gpu", name, "card")
    if not isinstance(name, str):
        raise InvalidInput(f"{argument('gpu')}: {quote(str(name))} is not a text; give the name of a card, e.g. '4090'")
    card = BY_KEY.get(_key(name))
    if card is None:
        plain = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
        names = [known for each in CARDS for known in (each.name, *each.aliases)]
        if plain[:1].isdigit():
            # A number alone is far from a whole name.
            names = [known.removeprefix(f"{SERIES}-") for known in names]
        otherwise = f"`lora-cli cards` lists them; give {argument('vram')} with its memory instead, e.g. 24GB"
        advice = otherwise if SIZE.fullmatch(name.strip()) else near_miss(plain, names, otherwise)
        raise InvalidInput(f"{argument('gpu')}: {quote(name)} is not a known card; {advice}")
    return card


def namesakes(name: str) -> list[Card]:
    """Return the other sizes of a card whose name does not say which: their own names add the memory to it.

    >>> [card.name for card in namesakes("A100")], namesakes("a100-40gb"), namesakes("h100")
    (['a100-80gb'], [], [])
    """
    card, key = find_card(name), _key(name)
    alias = next((_words(alias) for alias in card.aliases if _key(alias) == key), None)
    if alias is None or name.lower() == card.name:
        return []
    by_words = {(*_words(other.name),): other for other in CARDS if other != card}
    return [other for (*words, last), other in by_words.items() if words == alias and last.removesuffix("gb").isdigit()]
