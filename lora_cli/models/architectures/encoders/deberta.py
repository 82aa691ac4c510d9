"""DeBERTa v1: `transformers.models.deberta`, whose head classes are those of v2.

As in v2, the modules take some fields from config.json that do not belong to the config class.
"""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import defaulting, dense, layers_with
from lora_cli.models.parts.kin.deberta import classes, embeddings, hidden, is_relative, kinds, sizes
from lora_cli.models.parts.layers import Nodes, embedding, hollow, linear, parameter


def _attention(config: Config) -> Nodes:
    """Build `DisentangledSelfAttention`: q, k and v are one Linear, and q and v have their biases beside it."""
    d, heads = hidden(config), sizes(config).heads
    config.share(d, "hidden_size", heads, "num_attention_heads")
    talks = config.flag("talking_head", default=False)
    asks = is_relative(config)
    asked = kinds(config) if asks else []
    return [
        *linear("in_proj", d, 3 * d),
        *parameter("q_bias", d),
        *parameter("v_bias", d),
        *(node for name in ("logits", "weights") if talks for node in linear(f"head_{name}_proj", heads, heads)),
        *(linear("pos_proj", d, d) if "c2p" in asked else ()),
        *(dense("pos_q_proj", d, d) if "p2c" in asked else ()),
        *hollow("dropout", *(["pos_dropout"] if asks else [])),
    ]


def _distances(config: Config) -> Nodes:
    reach = config.number("max_relative_positions", default=-1, least=-1)
    if reach < 1:
        reach = config.size("max_position_embeddings", default=512)
    return embedding("encoder.rel_embeddings", 2 * reach, hidden(config))


def _body(config: Config) -> Nodes:
    return [
        *embeddings(config),
        *layers_with(sizes(config), _attention(config)),
        *(_distances(config) if is_relative(config) else ()),
    ]


FAMILY = Family(
    "deberta",
    defaulting(
        classes("Deberta", _body),
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        vocab_size=50265,
    ),
    PromptSizes(hidden=768, layers=12, heads=12),
)
