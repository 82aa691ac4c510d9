"""ALBERT: `transformers.models.albert`, whose layers share the weights of a group."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import bare, dense, headed
from lora_cli.models.parts.layers import Build, Nodes, Part, embedding, hollow, norm, parameter, repeat, under


def _hidden(config: Config) -> int:
    return config.size("hidden_size", default=4096)


def _width(config: Config) -> int:
    return config.size("embedding_size", default=128)


def _vocabulary(config: Config) -> int:
    return config.size("vocab_size", default=30000)


def _attention(config: Config) -> Nodes:
    """Build `AlbertAttention`, whose heads share the hidden size, rounded down."""
    d = _hidden(config)
    heads = config.size("num_attention_heads", default=64)
    if heads > d:
        raise InvalidInput(f"{config.source}: hidden_size {d} is smaller than num_attention_heads {heads}")
    inner = d // heads * heads
    return [
        *(node for name in ("query", "key", "value") for node in dense(name, d, inner)),
        *dense("dense", d, d),
        *norm("LayerNorm", d, bias=True),
        *hollow("attention_dropout", "output_dropout"),
    ]


def _body(config: Config) -> Nodes:
    d, width = _hidden(config), _width(config)
    inner = config.size("intermediate_size", default=16384)
    layer = [
        *norm("full_layer_layer_norm", d, bias=True),
        *under("attention", _attention(config)),
        *dense("ffn", d, inner),
        *dense("ffn_output", inner, d),
        *hollow("activation", "dropout"),
    ]
    group = repeat("albert_layers", config.layers("inner_group_num", default=1), layer)
    return [
        *under(
            "embeddings",
            embedding("word_embeddings", _vocabulary(config), width),
            embedding("position_embeddings", config.size("max_position_embeddings", default=512), width),
            embedding("token_type_embeddings", config.size("type_vocab_size", default=2), width),
            norm("LayerNorm", width, bias=True),
            hollow("dropout"),
        ),
        *dense("encoder.embedding_hidden_mapping_in", width, d),
        *repeat("encoder.albert_layer_groups", config.layers("num_hidden_groups", default=1), group),
    ]


def _pooled(config: Config) -> Nodes:
    d = _hidden(config)
    return [*_body(config), *dense("pooler", d, d), *hollow("pooler_activation")]


def _predictions(config: Config) -> Nodes:
    d, width, vocabulary = _hidden(config), _width(config), _vocabulary(config)
    return under(
        "predictions",
        norm("LayerNorm", width, bias=True),
        parameter("bias", vocabulary),
        dense("dense", d, width),
        dense("decoder", width, vocabulary),
        hollow("activation"),
    )


def _classifier(config: Config) -> Nodes:
    return [*hollow("dropout"), *dense("classifier", _hidden(config), config.labels())]


def _both(config: Config) -> Nodes:
    return [*_predictions(config), *under("sop_classifier", _classifier(config))]


def _choice(config: Config) -> Nodes:
    return [*hollow("dropout"), *dense("classifier", _hidden(config), 1)]


def _answers(config: Config) -> Nodes:
    return dense("qa_outputs", _hidden(config), config.labels())


def _predicting(body: Part, head: Part) -> Build:
    return headed(
        "albert", body, head, output="predictions.decoder", tied={"predictions.decoder.bias": "predictions.bias"}
    )


FAMILY = Family(
    "albert",
    {
        "AlbertForMaskedLM": _predicting(_body, _predictions),
        "AlbertModel": bare(_pooled),
        "AlbertForPreTraining": _predicting(_pooled, _both),
        "AlbertForSequenceClassification": headed("albert", _pooled, _classifier),
        "AlbertForTokenClassification": headed("albert", _body, _classifier),
        "AlbertForQuestionAnswering": headed("albert", _body, _answers),
        "AlbertForMultipleChoice": headed("albert", _pooled, _choice),
    },
    PromptSizes(hidden=4096, layers=12, heads=64),
)
