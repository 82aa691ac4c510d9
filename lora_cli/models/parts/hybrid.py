"""Decoders whose layers are of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from lora_cli.errors import InvalidInput, choices, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, listed, norm

ATTENTION = "full_attention"
STATE = "linear_attention"
# What older config.json files call them.
RENAMED = {"mamba": STATE, "attention": ATTENTION}


def layer_kinds(
    config: Config, *names: str, layers: int, known: Sequence[str] = (STATE, ATTENTION), default: Callable[[int], str]
) -> list[str]:
    """Return the kind of each layer: from the list of one of these `names`, or by `default` from the layer's index.

    >>> layer_kinds(Config({"layer_types": ["mamba", "attention"]}), "layer_types", layers=2, default=lambda _: STATE)
    ['linear_attention', 'full_attention']
    """
    written = config.items(*names)
    if written is None:
        return [default(index) for index in range(layers)]
    if len(written) != layers:
        raise InvalidInput(f"{config.source}: {names[0]} has {len(written)} entries for {layers} layers")
    kinds = [RENAMED.get(str(kind), kind) for kind in written]
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise InvalidInput(
            f"{config.source}: {names[0]} has {quote(unknown[0])}, which this model has no layer for; "
            f"{choices(unknown[0], known)}"
        )
    return kinds


def attention_every(config: Config) -> Callable[[int], str]:
    """Return the kind of a layer by its index: attention in every `full_attention_interval`th, a state in the others."""
    interval = config.size("full_attention_interval", default=4)
    return lambda index: STATE if (index + 1) % interval else ATTENTION


def layered_decoder(
    vocabulary: int,
    d: int,
    blocks: Iterable[Nodes],
    *,
    embeddings: str = "embed_tokens",
    final: str = "norm",
    rotary: bool = True,
) -> Iterator[Node]:
    """Build embeddings, the layers, an RMSNorm named `final`, and rotary positions unless there are none."""
    yield from embedding(embeddings, vocabulary, d)
    yield from listed("layers", blocks)
    yield from norm(final, d)
    yield from hollow("rotary_emb") if rotary else ()
