"""The pass through an encoder that descends from BERT, and through the heads of its classes."""

from __future__ import annotations

from lora_cli.models.config import Config, real, text
from lora_cli.models.parts.encoder import Sizes
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, FeedForward, Norm, Words, plain

# The activation of the feed-forwards.
activation = text("hidden_act", "gelu")
# How much is dropped after each part.
dropped = real("hidden_dropout_prob", 0.1)
POSITIONS, TYPES = "embeddings.position_embeddings", "embeddings.token_type_embeddings"


def layer(config: Config, size: Sizes) -> Block:
    """Describe `BertLayer`."""
    names = "self.query", "self.key", "self.value", "output.dense"
    attended = attention(size, names, config.real("attention_probs_dropout_prob", default=0.1))
    attended = attended._replace(causal=config.flag("is_decoder", default=False), keeps=True)
    inner = plain("", "intermediate.dense", "output.dense", activation(config))._replace(keeps=True)
    return post_norm(attended, inner, ("attention.output.LayerNorm", "output.LayerNorm"), dropped(config))


def attention(size: Sizes, names: tuple[str, str, str, str], dropout: float) -> Attention:
    """Describe attention of each token to all, by the names of q, k, v and the output."""
    *inputs, output = names
    return Attention(
        size.heads,
        size.heads,
        size.d // size.heads,
        "attention",
        tuple(inputs),
        output,
        dropout=dropout,
        causal=False,
        float_softmax=False,
        casts_weights=False,
    )


def post_norm(attention: Attention, inner: FeedForward, norms: tuple[str, str], dropout: float = 0.0) -> Block:
    """Return a block whose norms are of the sums; `dropout` is that of its branches."""
    first, second = (Norm(name, "layer") for name in norms)
    return Block(
        (
            Branch(attention, dropout=dropout, sum=first, keeps="dropped"),
            Branch(inner, dropout=dropout, sum=second, keeps="dropped"),
        )
    )


def encoder(config: Config, size: Sizes, *, counted: bool = False, projection: str | None = None) -> Body:
    """Describe `BertModel`, or one whose positions are `counted` for each text as RoBERTa's are."""
    return Body(
        [layer(config, size)] * size.layers,
        None,
        embedded(config, size, dropped(config), counted=counted)._replace(last_projection=projection),
        "encoder.layer",
    )


def embedded(config: Config, size: Sizes, dropout: float, *, counted: bool = False) -> Words:
    """Describe `BertEmbeddings`, or those of a model without types of tokens."""
    types = (TYPES,) if size.types else ()
    return Words(
        "embeddings.word_embeddings",
        each_token=(*types, POSITIONS) if counted else types,
        each_position=() if counted else (POSITIONS,),
        norm=Norm("embeddings.LayerNorm", "layer"),
        dropout=dropout,
        apart=True,
        indices=(size.positions,) * (1 + len(types)),
        first_position=config.number("pad_token_id", default=1) + 1 if counted else 0,
    )


def dropped_before_labels(config: Config) -> float:
    """Return how much is dropped before a classifier."""
    return config.real("classifier_dropout", default=dropped(config))
