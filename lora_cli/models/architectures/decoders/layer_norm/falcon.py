"""Falcon 7B to 180B: `transformers.models.falcon`."""

from __future__ import annotations

from typing import Literal

from lora_cli.models.config import Config, flag, set_unless_null, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import transformer_classes
from lora_cli.models.parts.decoder_pass import refuse
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, FeedForward, Norm, Words, side_by_side
from lora_cli.models.parts.kin import megatron
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat

hidden = size("n_embed", 4544, "hidden_size")  # of the two names the older one wins
vocabulary = size("vocab_size", 65024)
heads = size("num_attention_heads", 71)
key_value_heads = size("num_kv_heads", heads)  # of the new architecture, which 40B and 180B have
feed_forward_width = size("ffn_hidden_size", lambda config: 4 * hidden(config))
is_new = flag("new_decoder_architecture", default=False)


def groups(config: Config) -> tuple[int, Literal["", "groups", "single"]]:
    """Return how many keys and values there are, and how they are taken of what is split."""
    if is_new(config):
        return key_value_heads(config), "groups"
    return (1, "single") if set_unless_null(config, "multi_query") else (heads(config), "")


def norms(config: Config) -> tuple[str, ...]:
    """Return the norms of a block: its feed-forward comes after attention, or beside it, with or without a norm of its own."""
    if not set_unless_null(config, "parallel_attn"):
        return ("post_attention_layernorm", "input_layernorm")
    own = config.number("num_ln_in_parallel_attn", default=2 if is_new(config) else 1) == 2
    return ("ln_attn", "ln_mlp") if own else ("input_layernorm",)


def body(config: Config) -> Nodes:
    """Build `FalconModel`; q, k and v are one Linear."""
    d, bias = hidden(config), config.flag("bias", default=False)
    width = config.share(d, "hidden_size", heads(config), "num_attention_heads")
    outputs = (heads(config) + 2 * groups(config)[0]) * width
    return [
        *embedding("word_embeddings", vocabulary(config), d),
        *repeat(
            "h",
            config.layers("num_hidden_layers", default=32),
            megatron.attention("self_attention", d, outputs, bias=bias),
            megatron.feed_forward(d, feed_forward_width(config), bias=bias),
            *(norm(name, d, bias=True) for name in norms(config)),
            hollow("self_attention.attention_dropout", "mlp.act"),
        ),
        *norm("ln_f", d, bias=True),
        *hollow("rotary_emb"),
    ]


def forward(config: Config) -> Body:
    """Describe the pass through `FalconModel`, whose attention is masked even where all is seen."""
    refuse(config, "alibi")
    width = hidden(config) // heads(config)
    shared, indexed = groups(config)
    attention = megatron.attention_pass("self_attention", heads(config), shared, width)._replace(
        rotary=width,
        float_softmax=False,
        casts_weights=False,
        sliced=True,
        indexed=indexed,
        masked=True,
        scales_in_place=True,
    )
    block = layer(config, attention, megatron.feed_forward_pass(config.text("activation", default="gelu")))
    blocks = [block] * config.layers("num_hidden_layers", default=32)
    return Body(blocks, Norm("ln_f", "layer"), Words("word_embeddings"), "h", own_linear=True, keeps_weights=True)


def layer(config: Config, attention: Attention, inner: FeedForward) -> Block:
    """Describe `FalconDecoderLayer`."""
    own, dropout = [Norm(name, "layer") for name in norms(config)], config.real("hidden_dropout", default=0.0)
    if not set_unless_null(config, "parallel_attn"):
        after = config.real("attention_dropout", default=0.0)
        branch = Branch(inner, own[0], dropout=dropout, keeps="all", keeps_given=True)
        return Block((branch._replace(part=attention, before=own[1], dropout=after), branch))
    return side_by_side(attention, inner, *own)._replace(in_place=True, dropout=dropout)


FAMILY = Family(
    "falcon",
    transformer_classes("Falcon", body, hidden=hidden, vocabulary=vocabulary, embeddings="word_embeddings"),
    PromptSizes(hidden=4544, layers=32, heads=71, hidden_names=("n_embed", "hidden_size", "n_embd", "d_model")),
    feed_forward=None,
    forward=forward,
    filled={"ffn_hidden_size": feed_forward_width, "num_kv_heads": key_value_heads},
)
