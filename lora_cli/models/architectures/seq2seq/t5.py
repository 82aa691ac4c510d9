"""T5, Flan-T5 and mT5: `transformers.models.t5` and `.mt5`, which are alike but for their defaults.

The weights are always tied: what config.json says of that only scales T5's outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, Skeleton, embedding, hollow, linear, listed, norm, repeat, under
from lora_cli.models.parts.seq2seq import classification_head


class Sizes(NamedTuple):
    """The fields, read with the defaults of one of the two."""

    vocabulary: int
    d: int
    inner: int
    heads: int
    width: int
    layers: int
    decoder_layers: int
    buckets: int
    gated: bool


def is_gated(config: Config, default: str) -> bool:
    """Return whether feed_forward_proj is gated-ACTIVATION rather than ACTIVATION."""
    text = config.text("feed_forward_proj", default=default)
    first, *others = text.split("-")
    if len(others) > 1 or (others and first != "gated"):
        raise InvalidInput(
            f"{config.source}: feed_forward_proj is {quote(text)}; it must be an activation, or gated- and an activation"
        )
    return first == "gated"


def t5_sizes(config: Config) -> Sizes:
    """Read the fields with T5's defaults."""
    return sizes(config, vocabulary=32128, inner=2048, heads=8, layers=6, feed_forward="relu")


def mt5_sizes(config: Config) -> Sizes:
    """Read the fields with mT5's defaults."""
    return sizes(config, vocabulary=250112, inner=1024, heads=6, layers=8, feed_forward="gated-gelu")


def sizes(config: Config, *, vocabulary: int, inner: int, heads: int, layers: int, feed_forward: str) -> Sizes:
    """Read the fields. Decoder layers are as many as num_layers, even where num_hidden_layers counts for the encoder."""
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
    """Give q, k, v and o, whose width need not be that of the model."""
    inner = of.heads * of.width
    return (
        *linear("q", of.d, inner),
        *linear("k", of.d, inner),
        *linear("v", of.d, inner),
        *linear("o", inner, of.d),
    )


def feed_forward(of: Sizes) -> Nodes:
    """Give the feed-forward, gated or not."""
    inputs = ("wi_0", "wi_1") if of.gated else ("wi",)
    projections = [linear(name, of.d, of.inner) for name in inputs] + [linear("wo", of.inner, of.d)]
    return [*chain.from_iterable(projections), *hollow("dropout", "act")]


def block(of: Sizes, *, decoder: bool, first: bool) -> Iterator[Node]:
    """Give `T5Block`; the first of a stack holds the relative positions that all of them use."""
    positions = embedding("relative_attention_bias", of.buckets, of.heads) if first else ()
    layers = [("SelfAttention", [*attention(of), *positions])]
    if decoder:
        layers.append(("EncDecAttention", [*attention(of)]))
    layers.append(("DenseReluDense", [*feed_forward(of)]))
    outside = (*norm("layer_norm", of.d), *hollow("dropout"))
    yield from listed("layer", [[*under(name, nodes), *outside] for name, nodes in layers])


def stack(of: Sizes, *, decoder: bool = False) -> Iterator[Node]:
    """Give `T5Stack`."""
    layers = of.decoder_layers if decoder else of.layers
    yield from embedding("embed_tokens", of.vocabulary, of.d)
    yield from repeat("block", min(layers, 1), block(of, decoder=decoder, first=True))
    yield from repeat("block", layers - 1, block(of, decoder=decoder, first=False), first=1)
    yield from norm("final_layer_norm", of.d)
    yield from hollow("dropout")


def encoder(of: Sizes) -> Nodes:
    """Give `T5EncoderModel`."""
    return [*embedding("shared", of.vocabulary, of.d), *under("encoder", stack(of))]


def both(of: Sizes) -> Nodes:
    """Give `T5Model`."""
    return [*encoder(of), *under("decoder", stack(of, decoder=True))]


def tied(nodes: Nodes, *, prefix: str = "", output: str | None = None, head: Nodes = ()) -> Skeleton:
    """Give a class whose embeddings of both stacks, and output if there is one, are `shared`."""
    start = f"{prefix}." if prefix else ""
    body = [*under(prefix, nodes)]
    names = [node.name for node in body if node.name.endswith(".embed_tokens")]
    ties = {f"{name}.weight": f"{start}shared.weight" for name in [*names, *([output] if output else [])]}
    return Skeleton([*body, *head], ties, output, f"{start}shared")


def family(stem: str, read: Callable[[Config], Sizes]) -> dict[str, Callable[[Config], Skeleton]]:
    """Give the classes by name."""

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


CLASSES = {"t5": family("T5", t5_sizes), "mt5": family("MT5", mt5_sizes)}
