"""OPT: `transformers.models.opt`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, flag, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_TOKENS, classes
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, FeedForward, Norm, Words, plain
from lora_cli.models.parts.kin.bart import layer
from lora_cli.models.parts.layers import Node, Nodes, embedding, linear, plain_norm, repeat, under

OFFSET = 2  # OPTLearnedPositionalEmbedding: positions start at 2

width = size("hidden_size", 768)
hidden = size("word_embed_proj_dim", width)  # at both ends, which 350m projects to and from that of its layers
vocabulary = size("vocab_size", 50272)
heads = size("num_attention_heads", 12)
is_affine = flag("layer_norm_elementwise_affine", default=True)  # whether the norms have parameters
norms_first = flag("do_layer_norm_before", default=True)


def has_last_norm(config: Config) -> bool:
    """Return whether a norm follows the layers."""
    return norms_first(config) and not config.flag("_remove_final_layer_norm", default=False)


def decoder(config: Config) -> Iterator[Node]:
    """Build `OPTDecoder`."""
    d, ends = width(config), hidden(config)
    config.share(d, "hidden_size", heads(config), "num_attention_heads")
    bias, affine = config.flag("enable_bias", default=True), is_affine(config)
    yield from embedding("embed_tokens", vocabulary(config), ends)
    yield from embedding("embed_positions", config.size("max_position_embeddings", default=2048) + OFFSET, d)
    if ends != d:
        yield from linear("project_out", d, ends)
        yield from linear("project_in", ends, d)
    if has_last_norm(config):
        yield from plain_norm("final_layer_norm", d, affine=affine)
    block = layer(d, config.size("ffn_dim", default=3072), bias=bias, affine=affine)
    yield from repeat("layers", config.layers("num_hidden_layers", default=12), block)


def body(config: Config) -> Nodes:
    """Build `OPTModel`."""
    return under("decoder", decoder(config))


def forward(config: Config) -> Body:
    """Describe the pass through `OPTDecoder`, whose norms stand before the parts of a layer or, in 350m, after them."""
    d, count = width(config), heads(config)
    dropout, dropped_weights = config.real("dropout", default=0.1), config.real("attention_dropout", default=0.0)

    def norm_of(name: str) -> Norm:
        return Norm(name, "layer", 0 if is_affine(config) else d, is_affine(config))

    def branch(part: Attention | FeedForward, name: str) -> Branch:
        own = norm_of(name)
        return Branch(part, own, dropout=dropout) if norms_first(config) else Branch(part, dropout=dropout, sum=own)

    attention = Attention(count, count, d // count, output="out_proj", dropout=dropped_weights, scales_q=True)
    inner = plain("", "fc1", "fc2", config.text("activation_function", default="relu"))
    block = Block((branch(attention, "self_attn_layer_norm"), branch(inner, "final_layer_norm")))
    projected = hidden(config) != d
    words = Words("decoder.embed_tokens", each_token=("decoder.embed_positions",), first_position=OFFSET)
    return Body(
        [block] * config.layers("num_hidden_layers", default=12),
        norm_of("decoder.final_layer_norm") if has_last_norm(config) else None,
        words._replace(projection="decoder.project_in" if projected else None),
        "decoder.layers",
        projection="decoder.project_out" if projected else None,
    )


FAMILY = Family(
    "opt",
    classes(
        "OPT",
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        tied_by_default=True,
        embeddings="decoder.embed_tokens",
        tasks=BUT_TOKENS,
    ),
    PromptSizes(hidden=768, layers=12, heads=12),
    feed_forward="ffn_dim",
    forward=forward,
    filled={"word_embed_proj_dim": hidden},
)
