"""Decoders whose layers are of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from lora_cli.errors import InvalidInput, choices, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, listed, norm, under

ATTENTION = "full_attention"
STATE = "linear_attention"
# What older config.json files call them.
RENAMED = {"mamba": STATE, "attention": ATTENTION}


def layer_kinds(
    config: Config,
    *names: str,
    layers: int,
    known: Sequence[str] = (STATE, ATTENTION),
    default: Callable[[int], str] | None = None,
) -> list[str]:
    """Return the kind of each layer: from the list of one of these `names`, or by `default` from the layer's index.

    Without a `default` there must be such a list.

    >>> layer_kinds(Config({"layer_types": ["mamba", "attention"]}), "layer_types", layers=2, default=lambda _: STATE)
    ['linear_attention', 'full_attention']
    """
    written = config.items(*names)
    if written is None:
        if default is None:
            raise config.wrong(names[0], "a list with the kind of each layer")
        return [default(index) for index in range(layers)]
    if len(written) != layers:
        raise InvalidInput(
            f"{config.source}: {names[0]} has length {len(written)}; it must have an entry for each of the {layers} layers"
        )
    kinds = [RENAMED.get(str(kind), kind) for kind in written]
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise InvalidInput(
            f"{config.source}: {names[0]} has {quote(unknown[0])}, which this model has no layer for; "
            f"{choices(unknown[0], known)}"
        )
    return kinds


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
