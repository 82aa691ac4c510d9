"""ALBERT: `transformers.models.albert`, whose layers share the weights of a group."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, bare, dense, hidden, with_tables, words
from lora_cli.models.parts.layers import Nodes, hollow, norm, repeat, under
from lora_cli.models.parts.passes.encoder_heads import ANSWERS, TOKENS, task_classes, word_head


def _sizes(config: Config) -> Sizes:
    size = with_tables(
        config,
        hidden(config, default=4096),
        config.size("embedding_size", default=128),
        config.size("num_attention_heads", default=64),
        config.size("intermediate_size", default=16384),
        config.layers("num_hidden_groups", default=1),
        vocabulary=30000,
    )
    return size._replace(types=config.size("type_vocab_size", default=2))


def _attention(config: Config, d: int, heads: int) -> Nodes:
    """Build `AlbertAttention`, whose heads share the hidden size, rounded down."""
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
    size = _sizes(config)
    d = size.d
    layer = [
        *norm("full_layer_layer_norm", d, bias=True),
        *under("attention", _attention(config, d, size.heads)),
        *dense("ffn", d, size.inner),
        *dense("ffn_output", size.inner, d),
        *hollow("activation", "dropout"),
    ]
    group = repeat("albert_layers", config.layers("inner_group_num", default=1), layer)
    return [
        *words(size),
        *dense("encoder.embedding_hidden_mapping_in", size.width, d),
        *repeat("encoder.albert_layer_groups", size.layers, group),
    ]


def _pooled(config: Config) -> Nodes:
    d = _sizes(config).d
    return [*_body(config), *dense("pooler", d, d), *hollow("pooler_activation")]


WORDS = word_head(
    "predictions.dense",
    "predictions.LayerNorm",
    "predictions.decoder",
    bias="predictions.bias",
    hollows=("predictions.activation",),
)


def _both(config: Config, size: Sizes) -> Nodes:
    return [*WORDS.nodes(config, size), *under("sop_classifier", TOKENS.nodes(config, size))]


HEADS = {"ForMaskedLM": WORDS, "ForTokenClassification": TOKENS, "ForQuestionAnswering": ANSWERS}
POOLED_HEADS = {
    "ForPreTraining": WORDS._replace(nodes=_both),
    "ForSequenceClassification": TOKENS,
    "ForMultipleChoice": TOKENS.of_one_choice(),
}

FAMILY = Family(
    "albert",
    {
        **task_classes("Albert", "albert", _body, _sizes, HEADS),
        **task_classes("Albert", "albert", _pooled, _sizes, POOLED_HEADS),
        "AlbertModel": bare(_pooled),
    },
    PromptSizes(hidden=4096, layers=12, heads=64),
)
