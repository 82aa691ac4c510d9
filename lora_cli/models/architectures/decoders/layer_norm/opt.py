"""OPT: `transformers.models.opt`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_TOKENS, classes
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, FeedForward, Norm, Words, plain
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, norm, repeat, under

OFFSET = 2  # OPTLearnedPositionalEmbedding: positions start at 2


width = size("hidden_size", 768)


def hidden(config: Config) -> int:
    """Build the width at both ends, which 350m projects to and from that of its layers."""
    return config.size("word_embed_proj_dim", default=width(config))


vocabulary = size("vocab_size", 50272)


def layer_norm(config: Config, name: str) -> Nodes:
    """Build a LayerNorm, which has no parameters where layer_norm_elementwise_affine is false."""
    affine = config.flag("layer_norm_elementwise_affine", default=True)
    return norm(name, width(config), bias=True) if affine else hollow(name)


def layer(config: Config) -> Iterator[Node]:
    """Build `OPTDecoderLayer`."""
    d = width(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=12), "num_attention_heads")
    bias = config.flag("enable_bias", default=True)
    inner = config.size("ffn_dim", default=3072)
    names = ("k_proj", "v_proj", "q_proj", "out_proj")
    yield from under("self_attn", *(linear(name, d, d, bias=bias) for name in names))
    yield from hollow("activation_fn")
    yield from layer_norm(config, "self_attn_layer_norm")
    yield from linear("fc1", d, inner, bias=bias)
    yield from linear("fc2", inner, d, bias=bias)
    yield from layer_norm(config, "final_layer_norm")


def decoder(config: Config) -> Iterator[Node]:
    """Build `OPTDecoder`."""
    d, ends = width(config), hidden(config)
    yield from embedding("embed_tokens", vocabulary(config), ends)
    yield from embedding("embed_positions", config.size("max_position_embeddings", default=2048) + OFFSET, d)
    if ends != d:
        yield from linear("project_out", d, ends)
        yield from linear("project_in", ends, d)
    removed = config.flag("_remove_final_layer_norm", default=False)
    if config.flag("do_layer_norm_before", default=True) and not removed:
        yield from layer_norm(config, "final_layer_norm")
    yield from repeat("layers", config.layers("num_hidden_layers", default=12), layer(config))


def body(config: Config) -> Nodes:
    """Build `OPTModel`."""
    return under("decoder", decoder(config))


def forward(config: Config) -> Body:
    """Describe the pass through `OPTDecoder`, whose norms stand before the parts of a layer or, in 350m, after them."""
    d, ends, count = width(config), hidden(config), config.size("num_attention_heads", default=12)
    affine = config.flag("layer_norm_elementwise_affine", default=True)
    before = config.flag("do_layer_norm_before", default=True)
    dropout = config.real("dropout", default=0.1)
    attention = Attention(
        count,
        count,
        d // count,
        output="out_proj",
        dropout=config.real("attention_dropout", default=0.0),
        scales_q=True,
    )
    inner = plain("", "fc1", "fc2", config.text("activation_function", default="relu"))

    def norm_of(name: str) -> Norm:
        return Norm(name, "layer", 0 if affine else d, affine)

    def branch(part: Attention | FeedForward, name: str) -> Branch:
        own = norm_of(name)
        return Branch(part, before=own, dropout=dropout) if before else Branch(part, dropout=dropout, sum=own)

    block = Block((branch(attention, "self_attn_layer_norm"), branch(inner, "final_layer_norm")))
    last = before and not config.flag("_remove_final_layer_norm", default=False)
    projected = ends != d
    return Body(
        [block] * config.layers("num_hidden_layers", default=12),
        norm_of("decoder.final_layer_norm") if last else None,
        Words(
            "decoder.embed_tokens",
            each_token=("decoder.embed_positions",),
            projection="decoder.project_in" if projected else None,
            first_position=OFFSET,
        ),
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
