"""DistilBERT: `transformers.models.distilbert`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, real, text
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, bare, dense, with_tables, words
from lora_cli.models.parts.forward_pass import Body, plain
from lora_cli.models.parts.layers import Nodes, hollow, norm, repeat, under
from lora_cli.models.parts.passes.encoder_heads import passes, sequence_head, task_classes, token_head, word_head
from lora_cli.models.parts.passes.encoder_pass import attention, embedded, post_norm

activation = text("activation", "gelu")
dropped = real("dropout", 0.1)
PROJECTIONS = ("q_lin", "k_lin", "v_lin", "out_lin")


def _sizes(config: Config) -> Sizes:
    # transformers maps hidden_size to dim and sets it last, so that it wins where both are given.
    d = config.size("hidden_size", "dim", default=768)
    heads = config.size("num_attention_heads", "n_heads", default=12)
    config.share(d, "dim", heads, "n_heads")
    inner, layers = config.size("hidden_dim", default=3072), config.layers("num_hidden_layers", "n_layers", default=6)
    return with_tables(config, d, d, heads, inner, layers)


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
    size, dropout = _sizes(config), dropped(config)
    attended = attention(size, PROJECTIONS, config.real("attention_dropout", default=0.1))
    inner = plain("ffn", "lin1", "lin2", activation(config), dropout)
    block = post_norm(attended, inner, ("sa_layer_norm", "output_layer_norm"))
    return Body([block] * size.layers, None, embedded(config, size, dropout), "transformer.layer")


LABELS = sequence_head(
    "pre_classifier", "classifier", "relu", dropout=real("seq_classif_dropout", 0.2), drops_first=False
)
SPANS = token_head("qa_outputs", real("qa_dropout", 0.1), "spans")
WORDS = word_head(
    "vocab_transform",
    "vocab_layer_norm",
    "vocab_projector",
    hollows=("activation", "mlm_loss_fct"),
    activation=activation,
)


def _answers(config: Config, size: Sizes) -> Nodes:
    labels = config.labels()
    if labels != 2:
        raise InvalidInput(f"{config.source}: num_labels is {labels}; DistilBertForQuestionAnswering takes only 2")
    return SPANS.nodes(config, size)


HEADS = {
    "ForMaskedLM": WORDS,
    "ForSequenceClassification": LABELS,
    "ForTokenClassification": token_head("classifier", dropped, "masked"),
    "ForQuestionAnswering": SPANS._replace(nodes=_answers),
    "ForMultipleChoice": LABELS.of_one_choice(),
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
