"""Decoders whose layers are of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.layer_types import ATTENTION, STATE, layer_kinds
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, listed, norm, under


def indices(config: Config, name: str) -> frozenset[int] | None:
    """Return the layers that a list of whole numbers names, or None if it is missing or null."""
    written = config.items(name)
    if written is None:
        return None
    if not all(type(index) is int for index in written):
        raise config.wrong(name, "a list of whole numbers")
    return frozenset(written)


def kinds_by_interval(layers: int) -> Callable[[Config], list[str]]:
    """Return a function for the kinds of layers: by default attention in every `full_attention_interval`th.

    `layers` is the default number of layers.
    """

    def kinds(config: Config) -> list[str]:
        interval = config.size("full_attention_interval", default=4)
        return layer_kinds(
            config,
            "layer_types",
            layers=config.layers("num_hidden_layers", default=layers),
            default=lambda index: STATE if (index + 1) % interval else ATTENTION,
        )

    return kinds


def layered_decoder(
    vocabulary: int,
    d: int,
    blocks: Iterable[Nodes],
    *,
    embeddings: str = "embed_tokens",
    final: str = "norm",
    rotary: str | None = "rotary_emb",
) -> Iterator[Node]:
    """Build embeddings, the layers, an RMSNorm named `final`, and rotary positions named `rotary`, unless it has none."""
    yield from embedding(embeddings, vocabulary, d)
    yield from listed("layers", blocks)
    yield from norm(final, d)
    yield from hollow(rotary) if rotary else ()


def mixer_decoder(vocabulary: int, d: int, mixers: Iterable[Nodes]) -> Iterator[Node]:
    """Build a decoder as Mamba's: each layer is a norm and one of the `mixers`, and there are no positions."""
    blocks = ([*norm("norm", d), *under("mixer", mixer)] for mixer in mixers)
    return layered_decoder(vocabulary, d, blocks, embeddings="embeddings", final="norm_f", rotary=None)


# What is built around such a decoder.
mixer_classes = partial(classes, embeddings="embeddings", tasks=CAUSAL_OR_BARE)
