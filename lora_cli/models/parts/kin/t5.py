"""The stacks of T5 and its kin, and the classes made of them: `transformers.models.t5`.

The embeddings are always tied: `tie_word_embeddings` in config.json only scales T5's outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.heads import classification_head
from lora_cli.models.parts.layers import (
    Build,
    Node,
    Nodes,
    Skeleton,
    embedding,
    hollow,
    linear,
    listed,
    norm,
    repeat,
    under,
)

# The attention of LongT5 that also sees sums over blocks of the text, which have positions of their own.
GLOBAL = "TransientGlobalSelfAttention"


class Sizes(NamedTuple):
    """The sizes of T5 or its kin.

    `attention` is the name of the encoder's attention. Positions are in the first block only, or in `every_block`.
    """

    vocabulary: int
    d: int
    inner: int
    heads: int
    width: int
    layers: int
    decoder_layers: int
    buckets: int
    gated: bool
    attention: str = "SelfAttention"
    every_block: bool = False


def is_gated(config: Config, default: str) -> bool:
    """Return whether feed_forward_proj is gated-ACTIVATION rather than ACTIVATION."""
    text = config.text("feed_forward_proj", default=default)
    first, *others = text.split("-")
    if len(others) > 1 or (others and first != "gated"):
        raise InvalidInput(
            f"{config.source}: feed_forward_proj is {quote(text)}; it must be an activation, or gated- and an activation"
        )
    return first == "gated"


def sizes(config: Config, *, vocabulary: int, inner: int, heads: int, layers: int, feed_forward: str) -> Sizes:
    """Return the sizes of a config. num_hidden_layers is an alias for the encoder's layers only."""
    return Sizes(
        config.size("vocab_size", default=vocabulary),
        config.size("hidden_size", "d_model", default=512),
        config.size("d_ff", default=inner),
        config.size("num_attention_heads", "num_heads", default=heads),
        config.size("head_dim", "d_kv", default=64),
        config.layers("num_hidden_layers", "num_layers", default=layers),
        config.layers("num_decoder_layers", "num_layers", default=layers),
        config.size("relative_attention_num_buckets", default=32),
        is_gated(config, feed_forward),
    )


def attention(of: Sizes) -> Nodes:
    """Build q, k, v and o, whose width can differ from that of the model."""
    inner = of.heads * of.width
    return (
        *linear("q", of.d, inner),
        *linear("k", of.d, inner),
        *linear("v", of.d, inner),
        *linear("o", inner, of.d),
    )


def feed_forward(of: Sizes) -> Nodes:
    """Build the feed-forward, gated or not."""
    inputs = ("wi_0", "wi_1") if of.gated else ("wi",)
    projections = [linear(name, of.d, of.inner) for name in inputs] + [linear("wo", of.inner, of.d)]
    return [*chain.from_iterable(projections), *hollow("dropout", "act")]


def block(of: Sizes, *, decoder: bool, first: bool) -> Iterator[Node]:
    """Build `T5Block`. The first block of a stack has the relative positions that all of its blocks use."""
    name = "SelfAttention" if decoder else of.attention
    with_globals = name == GLOBAL
    positions = "relative_attention_bias", *(["global_relative_attention_bias"] if with_globals else [])
    layers = [
        (
            name,
            [
                *attention(of),
                *(
                    node
                    for each in positions
                    if first or of.every_block
                    for node in embedding(each, of.buckets, of.heads)
                ),
                *(norm("global_input_layer_norm", of.d) if with_globals else ()),
            ],
        )
    ]
    if decoder:
        layers.append(("EncDecAttention", [*attention(of)]))
    layers.append(("DenseReluDense", [*feed_forward(of)]))
    outside = (*norm("layer_norm", of.d), *hollow("dropout"))
    yield from listed("layer", [[*under(name, nodes), *outside] for name, nodes in layers])


def stack(of: Sizes, *, decoder: bool = False) -> Iterator[Node]:
    """Build `T5Stack`."""
    layers = of.decoder_layers if decoder else of.layers
    yield from embedding("embed_tokens", of.vocabulary, of.d)
    yield from repeat("block", min(layers, 1), block(of, decoder=decoder, first=True))
    yield from repeat("block", layers - 1, block(of, decoder=decoder, first=False), first=1)
    yield from norm("final_layer_norm", of.d)
    yield from hollow("dropout")


def encoder(of: Sizes) -> Nodes:
    """Build `T5EncoderModel`."""
    return [*embedding("shared", of.vocabulary, of.d), *under("encoder", stack(of))]


def both(of: Sizes) -> Nodes:
    """Build `T5Model`."""
    return [*encoder(of), *under("decoder", stack(of, decoder=True))]


def tied(nodes: Nodes, *, prefix: str = "", output: str | None = None, head: Nodes = ()) -> Skeleton:
    """Build a class that ties the embeddings of both stacks, and `output` if there is one, to `shared`."""
    start = f"{prefix}." if prefix else ""
    body = [*under(prefix, nodes)]
    names = [node.name for node in body if node.name.endswith(".embed_tokens")]
    ties = {f"{name}.weight": f"{start}shared.weight" for name in [*names, *([output] if output else [])]}
    return Skeleton([*body, *head], ties, output, f"{start}shared")


def classes(stem: str, read: Callable[[Config], Sizes]) -> dict[str, Build]:
    """Return the classes of T5 or of a copy with other defaults, by name."""

    def generation(config: Config) -> Skeleton:
        of = read(config)
        return tied(both(of), output="lm_head", head=linear("lm_head", of.d, of.vocabulary))

    def bare(config: Config) -> Skeleton:
        return tied(both(read(config)))

    def encodes(config: Config) -> Skeleton:
        return tied(encoder(read(config)))

    def sequences(config: Config) -> Skeleton:
        of = read(config)
        return tied(both(of), prefix="transformer", head=classification_head(of.d, config.labels()))

    def tokens(config: Config) -> Skeleton:
        of = read(config)
        head = (*hollow("dropout"), *linear("classifier", of.d, config.labels(), bias=True))
        return tied(encoder(of), prefix="transformer", head=head)

    def questions(config: Config) -> Skeleton:
        of = read(config)
        return tied(both(of), head=linear("qa_outputs", of.d, config.labels(), bias=True))

    return {
        f"{stem}ForConditionalGeneration": generation,
        f"{stem}Model": bare,
        f"{stem}EncoderModel": encodes,
        f"{stem}ForSequenceClassification": sequences,
        f"{stem}ForTokenClassification": tokens,
        f"{stem}ForQuestionAnswering": questions,
    }
