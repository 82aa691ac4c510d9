"""DistilBERT: `transformers.models.distilbert`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import bare, dense, headed
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, Norm, Words, plain
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat, under
from lora_cli.models.parts.passes.class_heads import Dense, Dropout, FirstToken, Head

PROJECTIONS = ("q_lin", "k_lin", "v_lin", "out_lin")


def _hidden(config: Config) -> int:
    # transformers maps hidden_size to dim and sets it last, so that it wins where both are given.
    return config.size("hidden_size", "dim", default=768)


def _vocabulary(config: Config) -> int:
    return config.size("vocab_size", default=30522)


def _body(config: Config) -> Nodes:
    """Build `DistilBertModel`; sinusoidal positions are parameters too, which only start with other values."""
    d = _hidden(config)
    config.share(d, "dim", config.size("num_attention_heads", "n_heads", default=12), "n_heads")
    inner = config.size("hidden_dim", default=3072)
    return [
        *under(
            "embeddings",
            embedding("word_embeddings", _vocabulary(config), d),
            embedding("position_embeddings", config.size("max_position_embeddings", default=512), d),
            norm("LayerNorm", d, bias=True),
            hollow("dropout"),
        ),
        *repeat(
            "transformer.layer",
            config.layers("num_hidden_layers", "n_layers", default=6),
            under("attention", *(dense(name, d, d) for name in PROJECTIONS), hollow("dropout")),
            norm("sa_layer_norm", d, bias=True),
            under("ffn", dense("lin1", d, inner), dense("lin2", inner, d), hollow("dropout", "activation")),
            norm("output_layer_norm", d, bias=True),
        ),
    ]


def _predictions(config: Config) -> Nodes:
    d = _hidden(config)
    return [
        *dense("vocab_transform", d, d),
        *norm("vocab_layer_norm", d, bias=True),
        *dense("vocab_projector", d, _vocabulary(config)),
        *hollow("activation", "mlm_loss_fct"),
    ]


def _sequences(config: Config) -> Nodes:
    d = _hidden(config)
    return [*dense("pre_classifier", d, d), *dense("classifier", d, config.labels()), *hollow("dropout")]


def _tokens(config: Config) -> Nodes:
    return [*dense("classifier", _hidden(config), config.labels()), *hollow("dropout")]


def _answers(config: Config) -> Nodes:
    labels = config.labels()
    if labels != 2:
        raise InvalidInput(f"{config.source}: num_labels is {labels}; DistilBertForQuestionAnswering takes only 2")
    return [*dense("qa_outputs", _hidden(config), labels), *hollow("dropout")]


def _choice(config: Config) -> Nodes:
    d = _hidden(config)
    return [*dense("pre_classifier", d, d), *dense("classifier", d, 1), *hollow("dropout")]


def forward(config: Config) -> Body:
    """Describe the pass through `DistilBertModel`."""
    d, count = _hidden(config), config.size("num_attention_heads", "n_heads", default=12)
    dropout = config.real("dropout", default=0.1)
    attention = Attention(
        count,
        count,
        d // count,
        "attention",
        PROJECTIONS[:3],
        PROJECTIONS[3],
        dropout=config.real("attention_dropout", default=0.1),
        causal=False,
        float_softmax=False,
        casts_weights=False,
    )
    inner = plain("ffn", "lin1", "lin2", _activation(config), dropout)
    norms = (attention, Norm("sa_layer_norm", "layer")), (inner, Norm("output_layer_norm", "layer"))
    block = Block(tuple(Branch(part, sum=own, keeps="dropped") for part, own in norms))
    embeddings = Words(
        "embeddings.word_embeddings",
        each_position=("embeddings.position_embeddings",),
        norm=Norm("embeddings.LayerNorm", "layer"),
        dropout=dropout,
        apart=True,
        indices=(config.size("max_position_embeddings", default=512),),
    )
    return Body(
        [block] * config.layers("num_hidden_layers", "n_layers", default=6), None, embeddings, "transformer.layer"
    )


def _activation(config: Config) -> str:
    return config.text("activation", default="gelu")


def _words(config: Config) -> Head:
    dense = Dense("vocab_transform", _activation(config))
    return Head((dense, Norm("vocab_layer_norm", "layer"), Dense()), "masked")


def _labels(config: Config) -> Head:
    dense = Dense("pre_classifier", "relu", config.real("seq_classif_dropout", default=0.2))
    return Head((FirstToken(), dense, Dense("classifier")), "sequences")


def _labels_of_tokens(config: Config) -> Head:
    return Head((Dropout(config.real("dropout", default=0.1)), Dense("classifier")), "masked")


def _spans(config: Config) -> Head:
    return Head((Dropout(config.real("qa_dropout", default=0.1)), Dense("qa_outputs")), "spans")


FAMILY = Family(
    "distilbert",
    {
        "DistilBertForMaskedLM": headed("distilbert", _body, _predictions, output="vocab_projector"),
        "DistilBertModel": bare(_body),
        "DistilBertForSequenceClassification": headed("distilbert", _body, _sequences),
        "DistilBertForTokenClassification": headed("distilbert", _body, _tokens),
        "DistilBertForQuestionAnswering": headed("distilbert", _body, _answers),
        "DistilBertForMultipleChoice": headed("distilbert", _body, _choice),
    },
    # PEFT does not ask for DistilBERT's own names of these fields.
    PromptSizes(
        hidden=None, layers=6, heads=None, hidden_names=(), heads_names=(), groups_names=(), head_width_names=()
    ),
    forward=forward,
    heads={
        "ForMaskedLM": _words,
        "ForSequenceClassification": _labels,
        "ForTokenClassification": _labels_of_tokens,
        "ForQuestionAnswering": _spans,
    },
)
