"""DeBERTa v2 and v3: `transformers.models.deberta_v2`.

Several fields do not belong to the config class; the modules take them from config.json if it has them.
"""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import dense, layers_with
from lora_cli.models.parts.kin.deberta import (
    CHOICE,
    HEADS,
    classes,
    embeddings,
    hidden,
    is_relative,
    kinds,
    sizes,
    split_by_bars,
)
from lora_cli.models.parts.layers import Nodes, convolution, embedding, hollow, norm, under


def _attention(config: Config) -> Nodes:
    """Build `DisentangledSelfAttention`, whose positions have projections of their own unless they share."""
    d, heads = hidden(config), sizes(config).heads
    width = config.share(d, "hidden_size", heads, "num_attention_heads")
    inner = heads * config.size("attention_head_size", default=width)
    relative = is_relative(config)
    own = relative and not config.flag("share_att_key", default=False)
    asked = kinds(config) if own else []
    return [
        *dense("query_proj", d, inner),
        *dense("key_proj", d, inner),
        *dense("value_proj", d, inner),
        *(dense("pos_key_proj", d, inner) if "c2p" in asked else ()),
        *(dense("pos_query_proj", d, inner) if "p2c" in asked else ()),
        *hollow("dropout", *(["pos_dropout"] if relative else [])),
    ]


def _distances(config: Config) -> Nodes:
    """Build the embedding of relative positions, both ways, or of the buckets that they are put in."""
    buckets = config.number("position_buckets", default=-1, least=-1)
    furthest = config.number("max_relative_positions", default=-1, least=-1)
    reach = next(size for size in (buckets, furthest, sizes(config).positions) if size > 0)
    return embedding("rel_embeddings", 2 * reach, hidden(config))


def _convolution(config: Config) -> Nodes:
    """Build `ConvLayer`, which is there if it has a kernel."""
    d = hidden(config)
    kernel = config.number("conv_kernel_size", default=0)
    if not kernel:
        return ()
    groups = config.size("conv_groups", default=1)
    config.share(d, "hidden_size", groups, "conv_groups")
    return under(
        "conv",
        convolution("conv", d, d, kernel, groups=groups),
        norm("LayerNorm", d, bias=True),
        hollow("dropout"),
    )


def _body(config: Config) -> Nodes:
    normed = "layer_norm" in split_by_bars(config.text("norm_rel_ebd", default="none"))
    return [
        *embeddings(config),
        *layers_with(sizes(config), _attention(config)),
        *under(
            "encoder",
            _distances(config) if is_relative(config) else (),
            norm("LayerNorm", hidden(config), bias=True) if normed else (),
            _convolution(config),
        ),
    ]


FAMILY = Family(
    "deberta-v2",
    classes("DebertaV2", _body, {**HEADS, **CHOICE}),
    PromptSizes(hidden=1536, layers=24, heads=24),
)
