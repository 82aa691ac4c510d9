"""BERT: `transformers.models.bert`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, bare, dense, layers, pooler, sizes, words
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.passes.class_heads import Dense, FirstToken, Head
from lora_cli.models.parts.passes.encoder_heads import ANSWERS, PREDICTIONS, TOKENS, EncoderHead, passes, task_classes
from lora_cli.models.parts.passes.encoder_pass import dropped_before_labels, encoder


def _body(config: Config) -> Nodes:
    size = sizes(config)
    return [*words(size), *layers(size)]


def _pooled(config: Config) -> Nodes:
    return [*_body(config), *pooler(sizes(config).d)]


def forward(config: Config) -> Body:
    """Describe the pass through `BertModel`."""
    return encoder(config, sizes(config))


def _next(_: Config, size: Sizes) -> Nodes:
    return dense("cls.seq_relationship", size.d, 2)


def _both(config: Config, size: Sizes) -> Nodes:
    return [*PREDICTIONS.nodes(config, size), *_next(config, size)]


def _labels(config: Config) -> Head:
    pooled = FirstToken(), Dense("bert.pooler.dense", "tanh", dropped_before_labels(config))
    return Head((*pooled, Dense("classifier")), "sequences")


HEADS = {
    "ForMaskedLM": PREDICTIONS,
    "LMHeadModel": PREDICTIONS._replace(passed=None),
    "ForTokenClassification": TOKENS,
    "ForQuestionAnswering": ANSWERS,
}
POOLED_HEADS = {
    "ForPreTraining": PREDICTIONS._replace(nodes=_both, passed=None),
    "ForNextSentencePrediction": EncoderHead(_next),
    "ForSequenceClassification": TOKENS._replace(passed=_labels),
    "ForMultipleChoice": TOKENS.of_one_choice(),
}

FAMILY = Family(
    "bert",
    {
        **task_classes("Bert", "bert", _body, sizes, HEADS),
        **task_classes("Bert", "bert", _pooled, sizes, POOLED_HEADS),
        "BertModel": bare(_pooled),
    },
    PromptSizes(hidden=768, layers=12, heads=12),
    forward=forward,
    heads=passes({**HEADS, **POOLED_HEADS}),
)
