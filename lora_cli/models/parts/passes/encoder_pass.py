"""The pass through an encoder that descends from BERT, and through the heads of its classes."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.encoder import Sizes
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, Norm, Words, plain

POSITIONS, TYPES = "embeddings.position_embeddings", "embeddings.token_type_embeddings"


def layer(config: Config, size: Sizes, *, heads: int = 12) -> Block:
    """Describe `BertLayer`, whose norms are of the sums."""
    count, dropout = config.size("num_attention_heads", default=heads), dropped(config)
    attention = Attention(
        count,
        count,
        size.d // count,
        "attention",
        ("self.query", "self.key", "self.value"),
        "output.dense",
        dropout=config.real("attention_probs_dropout_prob", default=0.1),
        causal=config.flag("is_decoder", default=False),
        float_softmax=False,
        casts_weights=False,
        keeps=True,
    )
    inner = plain("", "intermediate.dense", "output.dense", activation(config))._replace(keeps=True)
    return Block(
        (
            Branch(attention, dropout=dropout, sum=Norm("attention.output.LayerNorm", "layer"), keeps="dropped"),
            Branch(inner, dropout=dropout, sum=Norm("output.LayerNorm", "layer"), keeps="dropped"),
        )
    )


def encoder(
    config: Config, size: Sizes, *, heads: int = 12, counted: bool = False, projection: str | None = None
) -> Body:
    """Describe `BertModel`, or one whose positions are `counted` for each text as RoBERTa's are."""
    return Body(
        [layer(config, size, heads=heads)] * size.layers,
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


def activation(config: Config) -> str:
    """Return the activation of the feed-forwards."""
    return config.text("hidden_act", default="gelu")


def dropped(config: Config) -> float:
    """Return how much is dropped after each part."""
    return config.real("hidden_dropout_prob", default=0.1)


def dropped_before_labels(config: Config) -> float:
    """Return how much is dropped before a classifier."""
    return config.real("classifier_dropout", default=dropped(config))
