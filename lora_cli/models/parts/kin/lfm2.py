"""What LFM2 shares with its kin with experts: layers of short convolutions and of attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.hybrid import layered_decoder
from lora_cli.models.parts.layer_types import ATTENTION
from lora_cli.models.parts.layers import Build, Node, Nodes, Part, linear, norm, under
from lora_cli.models.parts.state_space import short_convolution

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
    kinds: list[str],
    feed_forwards: Iterable[Nodes],
    *,
    rotary: str = "rotary_emb",
) -> Nodes:
    """Build the body around the kind and the feed-forward of each layer."""
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
