"""Encoders that descend from BERT: their blocks, and the classes that transformers builds around a body."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Build, Nodes, Part, Skeleton, embedding, hollow, linear, norm, repeat, under

WORDS = "embeddings.word_embeddings"


def bare(body: Part, *, words: str | None = WORDS) -> Build:
    """Return the class that has only the body, whose input embeddings are `words`."""
    return lambda config: Skeleton(body(config), embeddings=words)


def headed(
    prefix: str,
    body: Part,
    head: Part,
    *,
    output: str | None = None,
    tied: Mapping[str, str] | None = None,
    words: str | None = WORDS,
) -> Build:
    """Return a class with a body named `prefix`, whose input embeddings are `words` if it has any, and a head.

    Unless `tie_word_embeddings` is false, the weight of `output` is that of the input embeddings, and `tied` maps
    further parameters to those whose values they share.
    """
    embeddings = f"{prefix}.{words}" if words else None

    def build(config: Config) -> Skeleton:
        ties = {f"{output}.weight": f"{embeddings}.weight", **(tied or {})} if output else {}
        nodes = [*under(prefix, body(config)), *head(config)]
        kept = ties if ties and config.flag("tie_word_embeddings", default=True) else {}
        return Skeleton(nodes, kept, output, embeddings)

    return build


def defaulting(classes: Mapping[str, Build], **defaults: int) -> dict[str, Build]:
    """Return the classes with other defaults for fields that a config.json leaves out."""

    def build(config: Config, built: Build) -> Skeleton:
        return built(config.with_defaults(**defaults))

    return {name: partial(build, built=built) for name, built in classes.items()}


def hidden(config: Config, *, default: int = 768) -> int:
    """Return the width of the layers."""
    return config.size("hidden_size", default=default)


class Sizes(NamedTuple):
    """The sizes of an encoder, whose embeddings may be of another width than its layers."""

    d: int
    width: int
    heads: int
    inner: int
    layers: int
    vocabulary: int
    positions: int
    cross: bool = False
    types: int = 0


def sizes(config: Config, *, vocabulary: int = 30522, d: int = 768, heads: int = 12, inner: int = 3072) -> Sizes:
    """Return the sizes of a config. The arguments are the defaults that differ between families."""
    d = hidden(config, default=d)
    heads = config.size("num_attention_heads", default=heads)
    config.share(d, "hidden_size", heads, "num_attention_heads")
    cross = config.flag("add_cross_attention", default=False)
    if cross and not config.flag("is_decoder", default=False):
        raise InvalidInput(f"{config.source}: add_cross_attention is true; it needs is_decoder to be true as well")
    inner, layers = config.size("intermediate_size", default=inner), config.layers("num_hidden_layers", default=12)
    size = with_tables(config, d, d, heads, inner, layers, vocabulary=vocabulary)
    return size._replace(cross=cross, types=config.size("type_vocab_size", default=2))


def with_tables(
    config: Config, d: int, width: int, heads: int, inner: int, layers: int, *, vocabulary: int = 30522
) -> Sizes:
    """Return the sizes of layers, and those of the tables of embeddings, without types of tokens."""
    return Sizes(
        d,
        width,
        heads,
        inner,
        layers,
        vocabulary=config.size("vocab_size", default=vocabulary),
        positions=config.size("max_position_embeddings", default=512),
    )


def dense(name: str, d: int, h: int) -> Nodes:
    """Build a Linear with a bias, as all of BERT's are."""
    return linear(name, d, h, bias=True)


def dense_norm(prefix: str, d: int, h: int, between: str) -> Nodes:
    """Build a Linear, a LayerNorm and the module `between` them: a dropout in a block, an activation in a head."""
    return under(prefix, dense("dense", d, h), hollow(between), norm("LayerNorm", h, bias=True))


def pooler(d: int) -> Nodes:
    """Build `BertPooler`."""
    return under("pooler", dense("dense", d, d), hollow("activation"))


def words(size: Sizes) -> Nodes:
    """Build `BertEmbeddings`, or those of a model without types of tokens."""
    width = size.width
    return under(
        "embeddings",
        embedding("word_embeddings", size.vocabulary, width),
        embedding("position_embeddings", size.positions, width),
        embedding("token_type_embeddings", size.types, width) if size.types else (),
        norm("LayerNorm", width, bias=True),
        hollow("dropout"),
    )


def projections(d: int, *, ending: str = "") -> Nodes:
    """Build the query, key and value of `BertSelfAttention`, with an `ending` to their names."""
    return [node for name in ("query", "key", "value") for node in dense(f"{name}{ending}", d, d)]


def attention(d: int, own: Nodes) -> Nodes:
    """Build `BertAttention` around its `own` projections."""
    return [*under("self", own), *dense_norm("output", d, d, "dropout")]


def feed_forward(d: int, inner: int) -> Nodes:
    """Build `BertIntermediate` and `BertOutput`."""
    return [
        *dense("intermediate.dense", d, inner),
        *hollow("intermediate.intermediate_act_fn"),
        *dense_norm("output", inner, d, "dropout"),
    ]


def layers(size: Sizes) -> Nodes:
    """Build `BertEncoder`."""
    own = *projections(size.d), *hollow("dropout")
    return layers_with(size, own, under("crossattention", attention(size.d, own)) if size.cross else ())


def layers_with(size: Sizes, own: Nodes, *more: Nodes) -> Nodes:
    """Build an encoder of BERT's kind whose attention has projections of its `own`; `more` comes after it."""
    around = attention(size.d, own)
    return repeat("encoder.layer", size.layers, under("attention", around), *more, feed_forward(size.d, size.inner))
