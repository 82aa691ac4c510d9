"""BERT: `transformers.models.bert`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import (
    answers,
    bare,
    choice,
    classifier,
    dense,
    dense_norm,
    headed,
    layers,
    pooler,
    sizes,
    words,
)
from lora_cli.models.parts.forward_pass import Body, Norm
from lora_cli.models.parts.layers import Build, Nodes, Part, parameter, under
from lora_cli.models.parts.passes import class_heads, encoder_pass
from lora_cli.models.parts.passes.class_heads import Dense, FirstToken, Head
from lora_cli.models.parts.passes.encoder_pass import activation, dropped_before_labels, encoder


def _body(config: Config) -> Nodes:
    size = sizes(config)
    return [*words(size, size.d), *layers(size)]


def _pooled(config: Config) -> Nodes:
    return [*_body(config), *pooler(sizes(config).d)]


def predictions(config: Config) -> Nodes:
    """Build `BertLMPredictionHead`."""
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
    return [*predictions(config), *_next(config)]


def predicting(prefix: str, body: Part, head: Part) -> Build:
    """Return a class with `predictions` in its `head`, which share the word embeddings."""
    tied = {"cls.predictions.decoder.bias": "cls.predictions.bias"}
    return headed(prefix, body, head, output="cls.predictions.decoder", tied=tied)


def forward(config: Config) -> Body:
    """Describe the pass through `BertModel`."""
    return encoder(config, sizes(config))


def _labels(config: Config) -> Head:
    pooled = FirstToken(), Dense("bert.pooler.dense", "tanh", dropped_before_labels(config))
    return Head((*pooled, Dense("classifier")), "sequences")


def _words(config: Config) -> Head:
    name = "cls.predictions.transform"
    return Head((Dense(f"{name}.dense", activation(config)), Norm(f"{name}.LayerNorm", "layer"), Dense()), "masked")


FAMILY = Family(
    "bert",
    {
        "BertForMaskedLM": predicting("bert", _body, predictions),
        "BertModel": bare(_pooled),
        "BertForPreTraining": predicting("bert", _pooled, _both),
        "BertLMHeadModel": predicting("bert", _body, predictions),
        "BertForNextSentencePrediction": headed("bert", _pooled, _next),
        "BertForSequenceClassification": headed("bert", _pooled, classifier),
        "BertForTokenClassification": headed("bert", _body, classifier),
        "BertForQuestionAnswering": headed("bert", _body, answers),
        "BertForMultipleChoice": headed("bert", _pooled, choice),
    },
    PromptSizes(hidden=768, layers=12, heads=12),
    forward=forward,
    heads={
        "ForMaskedLM": _words,
        "ForSequenceClassification": _labels,
        "ForTokenClassification": encoder_pass.tokens,
        "ForQuestionAnswering": class_heads.scores_answer,
    },
)
