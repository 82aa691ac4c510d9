"""ModernBERT: `transformers.models.modernbert`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import bare, dense, headed
from lora_cli.models.parts.layers import Build, Node, Nodes, Part, embedding, hollow, linear, listed, norm, under

WORDS = "embeddings.tok_embeddings"
hidden = size("hidden_size", 768)
vocabulary = size("vocab_size", 50368)


def _norm(config: Config, name: str) -> Nodes:
    return norm(name, hidden(config), bias=config.flag("norm_bias", default=False))


def _layers(config: Config) -> Iterator[Node]:
    """Build the layers. The first has no norm before its attention, since the embeddings are normed."""
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=12), "num_attention_heads")
    inner = config.size("intermediate_size", default=1152)
    attends, feeds = config.flag("attention_bias", default=False), config.flag("mlp_bias", default=False)
    block = [
        *under("attn", linear("Wqkv", d, 3 * d, bias=attends), linear("Wo", d, d, bias=attends), hollow("out_drop")),
        *_norm(config, "mlp_norm"),
        *under("mlp", linear("Wi", d, 2 * inner, bias=feeds), linear("Wo", inner, d, bias=feeds)),
        *hollow("mlp.act", "mlp.drop"),
    ]
    first, other = [*hollow("attn_norm"), *block], [*_norm(config, "attn_norm"), *block]
    count = config.layers("num_hidden_layers", default=22)
    yield from listed("layers", [first if index == 0 else other for index in range(count)])


def _body(config: Config) -> Nodes:
    return [
        *embedding(WORDS, vocabulary(config), hidden(config)),
        *_norm(config, "embeddings.norm"),
        *hollow("embeddings.drop"),
        *_layers(config),
        *_norm(config, "final_norm"),
        *hollow("rotary_emb"),
    ]


def _head(config: Config) -> Nodes:
    d = hidden(config)
    bias = config.flag("classifier_bias", default=False)
    return under("head", linear("dense", d, d, bias=bias), hollow("act"), _norm(config, "norm"))


def _predictions(config: Config) -> Nodes:
    bias = config.flag("decoder_bias", default=True)
    return [*_head(config), *linear("decoder", hidden(config), vocabulary(config), bias=bias)]


def _labels(config: Config) -> Nodes:
    return [*_head(config), *hollow("drop"), *dense("classifier", hidden(config), config.labels())]


def _choice(config: Config) -> Nodes:
    return [*_head(config), *hollow("drop"), *dense("classifier", hidden(config), 1)]


def _headed(head: Part, output: str | None = None) -> Build:
    return headed("model", _body, head, output=output, words=WORDS)


FAMILY = Family(
    "modernbert",
    {
        "ModernBertForMaskedLM": _headed(_predictions, "decoder"),
        "ModernBertModel": bare(_body, words=WORDS),
        "ModernBertForSequenceClassification": _headed(_labels),
        "ModernBertForTokenClassification": _headed(_labels),
        "ModernBertForQuestionAnswering": _headed(_labels),
        "ModernBertForMultipleChoice": _headed(_choice),
    },
    PromptSizes(hidden=768, layers=22, heads=12),
)
