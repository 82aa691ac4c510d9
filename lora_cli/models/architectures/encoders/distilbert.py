"""DistilBERT: `transformers.models.distilbert`."""

from __future__ import annotations

from collections.abc import Callable

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, bare, dense, words
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, Norm, plain
from lora_cli.models.parts.layers import Nodes, hollow, norm, repeat, under
from lora_cli.models.parts.passes.encoder_heads import (
    of_one_choice,
    passes,
    sequence_head,
    task_classes,
    token_head,
    word_head,
)
from lora_cli.models.parts.passes.encoder_pass import embedded

PROJECTIONS = ("q_lin", "k_lin", "v_lin", "out_lin")


def _heads(config: Config) -> int:
    return config.size("num_attention_heads", "n_heads", default=12)


def _sizes(config: Config) -> Sizes:
    # transformers maps hidden_size to dim and sets it last, so that it wins where both are given.
    d = config.size("hidden_size", "dim", default=768)
    config.share(d, "dim", _heads(config), "n_heads")
    return Sizes(
        d,
        d,
        config.size("hidden_dim", default=3072),
        config.layers("num_hidden_layers", "n_layers", default=6),
        cross=False,
        vocabulary=config.size("vocab_size", default=30522),
        positions=config.size("max_position_embeddings", default=512),
        types=0,
    )


def _activation(config: Config) -> str:
    return config.text("activation", default="gelu")


def _dropped(name: str, default: float = 0.1) -> Callable[[Config], float]:
    return lambda config: config.real(name, default=default)


def _body(config: Config) -> Nodes:
    """Build `DistilBertModel`; sinusoidal positions are parameters too, which only start with other values."""
    size = _sizes(config)
    d, inner = size.d, size.inner
    return [
        *words(size),
        *repeat(
            "transformer.layer",
            size.layers,
            under("attention", *(dense(name, d, d) for name in PROJECTIONS), hollow("dropout")),
            norm("sa_layer_norm", d, bias=True),
            under("ffn", dense("lin1", d, inner), dense("lin2", inner, d), hollow("dropout", "activation")),
            norm("output_layer_norm", d, bias=True),
        ),
    ]


def forward(config: Config) -> Body:
    """Describe the pass through `DistilBertModel`."""
    size, count, dropout = _sizes(config), _heads(config), _dropped("dropout")(config)
    attention = Attention(
        count,
        count,
        size.d // count,
        "attention",
        PROJECTIONS[:3],
        PROJECTIONS[3],
        dropout=_dropped("attention_dropout")(config),
        causal=False,
        float_softmax=False,
        casts_weights=False,
    )
    inner = plain("ffn", "lin1", "lin2", _activation(config), dropout)
    norms = (attention, Norm("sa_layer_norm", "layer")), (inner, Norm("output_layer_norm", "layer"))
    block = Block(tuple(Branch(part, sum=own, keeps="dropped") for part, own in norms))
    return Body([block] * size.layers, None, embedded(config, size, dropout), "transformer.layer")


LABELS = sequence_head(
    "pre_classifier", "classifier", "relu", dropout=_dropped("seq_classif_dropout", 0.2), drops_first=False
)
SPANS = token_head("qa_outputs", _dropped("qa_dropout"), "spans")
WORDS = word_head(
    "vocab_transform",
    "vocab_layer_norm",
    "vocab_projector",
    hollows=("activation", "mlm_loss_fct"),
    activation=_activation,
)


def _answers(config: Config, size: Sizes) -> Nodes:
    labels = config.labels()
    if labels != 2:
        raise InvalidInput(f"{config.source}: num_labels is {labels}; DistilBertForQuestionAnswering takes only 2")
    return SPANS.nodes(config, size)


HEADS = {
    "ForMaskedLM": WORDS,
    "ForSequenceClassification": LABELS,
    "ForTokenClassification": token_head("classifier", _dropped("dropout"), "masked"),
    "ForQuestionAnswering": SPANS._replace(nodes=_answers),
    "ForMultipleChoice": of_one_choice(LABELS),
}

FAMILY = Family(
    "distilbert",
    {**task_classes("DistilBert", "distilbert", _body, _sizes, HEADS), "DistilBertModel": bare(_body)},
    # PEFT does not ask for DistilBERT's own names of these fields.
    PromptSizes(
        hidden=None, layers=6, heads=None, hidden_names=(), heads_names=(), groups_names=(), head_width_names=()
    ),
    forward=forward,
    heads=passes(HEADS),
)
