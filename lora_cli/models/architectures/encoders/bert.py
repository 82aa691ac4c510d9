"""BERT: `transformers.models.bert`, and the blocks that its kin (RoBERTa, ELECTRA and others) repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, Skeleton, embedding, hollow, linear, norm, parameter, repeat, under

Part = Callable[[Config], Nodes]
Build = Callable[[Config], Skeleton]

WORDS = "embeddings.word_embeddings"


def bare(body: Part) -> Build:
    """Give the class that is the body alone."""
    return lambda config: Skeleton(body(config), embeddings=WORDS)


def headed(
    prefix: str, body: Part, head: Part, *, output: str | None = None, tied: Mapping[str, str] | None = None
) -> Build:
    """Give a class of a body below `prefix` and a head beside it.

    The weight of `output` is that of the word embeddings, and `tied` maps what else is shared, both
    unless `tie_word_embeddings` is false.
    """

    def build(config: Config) -> Skeleton:
        ties = {f"{output}.weight": f"{prefix}.{WORDS}.weight", **(tied or {})} if output else {}
        nodes = [*under(prefix, body(config)), *head(config)]
        kept = ties if config.flag("tie_word_embeddings", default=True) else {}
        return Skeleton(nodes, kept, output, f"{prefix}.{WORDS}")

    return build


class Sizes(NamedTuple):
    """The sizes of BERT and its kin."""

    d: int
    inner: int
    layers: int
    cross: bool
    vocabulary: int
    positions: int
    types: int


def sizes(config: Config, *, vocabulary: int = 30522, d: int = 768, heads: int = 12, inner: int = 3072) -> Sizes:
    """Return the sizes; the arguments are the defaults in which the kin differ."""
    d = config.size("hidden_size", default=d)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=heads), "num_attention_heads")
    cross = config.flag("add_cross_attention", default=False)
    if cross and not config.flag("is_decoder", default=False):
        raise InvalidInput(f"{config.source}: add_cross_attention is true; it needs is_decoder to be true as well")
    return Sizes(
        d,
        config.size("intermediate_size", default=inner),
        config.layers("num_hidden_layers", default=12),
        cross,
        config.size("vocab_size", default=vocabulary),
        config.size("max_position_embeddings", default=512),
        config.size("type_vocab_size", default=2),
    )


def dense(name: str, d: int, h: int) -> Nodes:
    """Give a Linear with a bias, as all of BERT's are."""
    return linear(name, d, h, bias=True)


def dense_norm(prefix: str, d: int, h: int, between: str) -> Nodes:
    """Give a Linear and a LayerNorm, and what is `between`: a dropout after every block, an activation in a head."""
    return under(prefix, dense("dense", d, h), hollow(between), norm("LayerNorm", h, bias=True))


def pooler(d: int) -> Nodes:
    """Give `BertPooler`."""
    return under("pooler", dense("dense", d, d), hollow("activation"))


def words(size: Sizes, width: int) -> Nodes:
    """Give `BertEmbeddings`, `width` wide."""
    return under(
        "embeddings",
        embedding("word_embeddings", size.vocabulary, width),
        embedding("position_embeddings", size.positions, width),
        embedding("token_type_embeddings", size.types, width),
        norm("LayerNorm", width, bias=True),
        hollow("dropout"),
    )


def attention(d: int) -> Nodes:
    """Give `BertAttention`."""
    return [
        *under("self", dense("query", d, d), dense("key", d, d), dense("value", d, d), hollow("dropout")),
        *dense_norm("output", d, d, "dropout"),
    ]


def feed_forward(d: int, inner: int) -> Nodes:
    """Give `BertIntermediate` and `BertOutput`."""
    return [
        *dense("intermediate.dense", d, inner),
        *hollow("intermediate.intermediate_act_fn"),
        *dense_norm("output", inner, d, "dropout"),
    ]


def layers(size: Sizes) -> Nodes:
    """Give `BertEncoder`."""
    d, inner = size.d, size.inner
    return repeat(
        "encoder.layer",
        size.layers,
        under("attention", attention(d)),
        under("crossattention", attention(d)) if size.cross else (),
        feed_forward(d, inner),
    )


def classifier(config: Config) -> Nodes:
    """Give the classifier of one Linear."""
    return [*hollow("dropout"), *dense("classifier", sizes(config).d, config.labels())]


def choice(config: Config) -> Nodes:
    """Give the head that scores one choice of many."""
    return [*hollow("dropout"), *dense("classifier", sizes(config).d, 1)]


def answers(config: Config) -> Nodes:
    """Give the head that marks where an answer starts and ends; transformers sizes it by the labels."""
    return dense("qa_outputs", sizes(config).d, config.labels())


def _body(config: Config) -> Nodes:
    size = sizes(config)
    return [*words(size, size.d), *layers(size)]


def _pooled(config: Config) -> Nodes:
    return [*_body(config), *pooler(sizes(config).d)]


def _predictions(config: Config) -> Nodes:
    size = sizes(config)
    return under(
        "cls.predictions",
        dense_norm("transform", size.d, size.d, "transform_act_fn"),
        dense("decoder", size.d, size.vocabulary),
        parameter("bias", size.vocabulary),
    )


def _next(config: Config) -> Nodes:
    return dense("cls.seq_relationship", sizes(config).d, 2)


def _both(config: Config) -> Nodes:
    return [*_predictions(config), *_next(config)]


def _vocabulary(body: Part, head: Part) -> Build:
    tied = {"cls.predictions.decoder.bias": "cls.predictions.bias"}
    return headed("bert", body, head, output="cls.predictions.decoder", tied=tied)


CLASSES = {
    "bert": {
        "BertForMaskedLM": _vocabulary(_body, _predictions),
        "BertModel": bare(_pooled),
        "BertForPreTraining": _vocabulary(_pooled, _both),
        "BertLMHeadModel": _vocabulary(_body, _predictions),
        "BertForNextSentencePrediction": headed("bert", _pooled, _next),
        "BertForSequenceClassification": headed("bert", _pooled, classifier),
        "BertForTokenClassification": headed("bert", _body, classifier),
        "BertForQuestionAnswering": headed("bert", _body, answers),
        "BertForMultipleChoice": headed("bert", _pooled, choice),
    }
}
