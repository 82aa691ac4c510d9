"""LFM2, short convolutions and attention: `transformers.models.lfm2`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.hybrid import ATTENTION, indices, layer_kinds, layered_decoder
from lora_cli.models.parts.layers import Build, Node, Nodes, Part, linear, norm, under
from lora_cli.models.parts.state_space import short_convolution

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 65536)
CONVOLUTION = "conv"


def attention(config: Config, d: int) -> Iterator[Node]:
    """Build `Lfm2Attention`, with a norm on each head of q and k."""
    count, groups, width = heads(config, d, count=32, groups=8)
    yield from linear("q_proj", d, count * width)
    yield from linear("k_proj", d, groups * width)
    yield from linear("v_proj", d, groups * width)
    yield from linear("out_proj", count * width, d)
    yield from norm("q_layernorm", width)
    yield from norm("k_layernorm", width)


def feed_forward(d: int, inner: int) -> Nodes:
    """Build `Lfm2MLP`."""
    return (*linear("w1", d, inner), *linear("w3", d, inner), *linear("w2", inner, d))


def convolution_decoder(
    config: Config,
    vocabulary: int,
    d: int,
    feed_forwards: Iterable[Nodes],
    kinds: list[str],
    *,
    rotary: str = "rotary_emb",
) -> Nodes:
    """Build the body around the feed-forward and the kind of each layer."""
    mixers = {
        CONVOLUTION: list(under("conv", short_convolution(config, d))),
        ATTENTION: list(under("self_attn", attention(config, d))),
    }
    norms = (*norm("operator_norm", d), *norm("ffn_norm", d))
    blocks = (
        [*mixers[kind], *under("feed_forward", part), *norms] for kind, part in zip(kinds, feed_forwards, strict=True)
    )
    return layered_decoder(vocabulary, d, blocks, final="embedding_norm", rotary=rotary)


def convolution_classes(
    stem: str, body: Part, hidden: Callable[[Config], int], vocabulary: Callable[[Config], int]
) -> dict[str, Build]:
    """Return the classes around a body; the older `tie_embedding` wins over `tie_word_embeddings`."""
    return classes(
        stem,
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        tied_by_default=True,
        tie_names=("tie_embedding", "tie_word_embeddings"),
        tasks=CAUSAL_OR_BARE,
    )


def feed_forward_width(config: Config) -> int:
    """Return the hidden units: two thirds of the size in the config, rounded up to a multiple, unless told not to."""
    inner = config.size("block_ff_dim", "intermediate_size", default=12288)
    if not config.flag("block_auto_adjust_ff_dim", default=True):
        return inner
    inner = int(2 * inner / 3)
    multiple, factor = (
        config.size("block_multiple_of", default=256),
        config.real("block_ffn_dim_multiplier", default=1.0),
    )
    if factor < 0:
        raise config.wrong("block_ffn_dim_multiplier", "a number of 0 or more")
    return ceil(int(factor * inner) / multiple) * multiple


def body(config: Config) -> Nodes:
    """Build `Lfm2Model`, with attention in the layers of `full_attn_idxs`, or in all."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=32)
    attending = indices(config, "full_attn_idxs")
    kinds = layer_kinds(
        config,
        "layer_types",
        layers=layers,
        known=(CONVOLUTION, ATTENTION),
        default=lambda index: ATTENTION if attending is None or index in attending else CONVOLUTION,
    )
    return convolution_decoder(
        config, vocabulary(config), d, [feed_forward(d, feed_forward_width(config))] * layers, kinds
    )


FAMILY = Family(
    "lfm2",
    convolution_classes("Lfm2", body, hidden, vocabulary),
    PromptSizes(hidden=2560, layers=32, heads=32, groups=8),
)
