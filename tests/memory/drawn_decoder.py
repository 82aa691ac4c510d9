"""What draws of many families share: widths, heads, groups, vocabularies."""

from __future__ import annotations

from random import Random
from typing import Any

Fields = dict[str, Any]
DROPOUTS = (0.0, 0.0, 0.1)
VOCABULARIES = (1000, 1000, 5003, 32000, 50257, 65024, 100003)


def widths(random: Random, most_heads: int = 24) -> Fields:
    """Return a draw of what every block has."""
    heads = random.randint(1, most_heads)
    return {
        "heads": heads,
        "groups": random.choice([k for k in range(1, heads + 1) if heads % k == 0]),
        "head_size": random.choice([32, 40, 48, 64, 64, 72, 80, 96, 128]),
        "h": heads * 8 * random.randint(2, max(2, 200 // heads)),
        "f": 8 * random.randint(40, 640),
        "layers": random.randint(2, 4),
        "vocab": random.choice(VOCABULARIES),
    }


def decoder(random: Random, own_head_size: bool = True, grouped: bool = True, **rest: Any) -> Fields:
    """Return a config with the names that Llama's kin share; without a head size of its own h is a multiple of it."""
    w = widths(random)
    while not own_head_size and w["heads"] * w["head_size"] > 1600:
        w = widths(random)
    config = {
        "hidden_size": w["h"] if own_head_size else w["heads"] * w["head_size"],
        "intermediate_size": w["f"],
        "num_attention_heads": w["heads"],
        "num_hidden_layers": w["layers"],
        "vocab_size": w["vocab"],
        "max_position_embeddings": 4096,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": random.random() < 0.4,
    }
    config |= {"head_dim": w["head_size"]} if own_head_size else {}
    config |= {"num_key_value_heads": w["groups"]} if grouped else {}
    return config | rest


def coin(random: Random) -> bool:
    """Return true or false."""
    return random.random() < 0.5
