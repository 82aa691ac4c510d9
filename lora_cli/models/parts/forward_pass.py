"""What a block of a model does with its modules, in order: declared beside the modules, by the names they have there.

What a forward pass allocates follows from it. Names are those below the block, or below the part that holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from lora_cli.models.config import Config

# How a norm computes. `rms` is Llama's, which returns to the type of its input before it weighs; `rms_float` is
# Gemma's, which weighs by 1 + weight in float32; `rms_weigh_first` is OLMo 2's, which weighs in float32.
# `layer` is PyTorch's LayerNorm, `layer_float` Cohere's own in float32.
NormKind = Literal["rms", "rms_float", "rms_weigh_first", "layer", "layer_float"]


class Norm(NamedTuple):
    """A norm, as wide as its weight."""

    name: str
    kind: NormKind = "rms"


class Attention(NamedTuple):
    """Attention of `heads` query heads and `groups` key-value heads of `width` each.

    `inputs` are its projections: of q, k and v, or one that is split. `rotary` is how much of a head's width is
    rotated by its position. `norms` are those of q and k, over each head or with `norms_whole` before they are split.
    `soft_cap` bounds the scores by a tanh; `window` is how far a token looks back.
    """

    heads: int
    groups: int
    width: int
    name: str = "self_attn"
    inputs: tuple[str, ...] = ("q_proj", "k_proj", "v_proj")
    output: str = "o_proj"
    rotary: int = 0
    norms: tuple[Norm, Norm] | None = None
    norms_whole: bool = False
    dropout: float = 0.0
    soft_cap: bool = False
    window: int | None = None
    causal: bool = True

    @property
    def reach(self) -> tuple[bool, int | None]:
        """What a token sees: attentions that are alike in this share a mask."""
        return self.causal, self.window


class LatentAttention(NamedTuple):
    """DeepSeek's attention of `heads`, whose keys and values, and mostly queries, come through a low rank.

    A head's query and key are of `plain` and `rotated` width, and its value of `value` width; all heads share the rotated
    part of the key. Its positions turn `pairs` of neighbours or else halves.
    """

    heads: int
    plain: int
    rotated: int
    value: int
    name: str = "self_attn"
    whole_query: bool = False
    pairs: bool = True
    dropout: float = 0.0

    @property
    def reach(self) -> tuple[bool, int | None]:
        """What a token sees: all before it."""
        return True, None

    @property
    def rotary(self) -> int:
        """How much of a head's width is rotated by its position."""
        return self.rotated


class FeedForward(NamedTuple):
    """A feed-forward: with two inputs the first is the gate, and so is half of one that is fused."""

    name: str = "mlp"
    inputs: tuple[str, ...] = ("gate_proj", "up_proj")
    output: str = "down_proj"
    activation: str = "silu"
    gated: bool = True
    dropout: float = 0.0


# How a router scores the experts and weighs those that it chooses. `softmax` chooses by the softmax of all scores in
# float32, `softmax_of_chosen` takes the softmax of those that it chose; `sigmoid` and `softmax_groups` are DeepSeek's, in
# float32 and by groups of experts; `softmax_corrected` is ERNIE's, with a bias for the choice alone.
RouterKind = Literal["softmax", "softmax_of_chosen", "sigmoid", "softmax_groups", "softmax_corrected"]


class Router(NamedTuple):
    """What sends a token to `top` of the experts.

    `normed` weights are divided by their sum. They have the type of the hidden states if they are `lowered`, and the
    scores are float32 from the start if they are `raised`. With more than one of `groups`, experts come from the best.
    """

    top: int
    name: str = "gate"
    kind: RouterKind = "softmax"
    normed: bool = True
    lowered: bool = True
    raised: bool = False
    groups: int = 1
    bias: bool = False


class Experts(NamedTuple):
    """A mixture of experts, whose weights are fused into one parameter for each projection.

    `shared` is the feed-forward that every token takes, first or last, and `shared_gate` scales what it returns. A
    `clamped` gate is gpt-oss's.
    """

    router: Router
    name: str = "mlp"
    transposed: bool = False
    bias: bool = False
    clamped: bool = False
    shared: FeedForward | None = None
    shared_gate: str | None = None
    shared_first: bool = False


class Branch(NamedTuple):
    """What is added to the residual stream: a part, and the norms before and after it."""

    part: Attention | LatentAttention | FeedForward | Experts
    before: Norm | None = None
    after: Norm | None = None
    dropout: float = 0.0


class Block(NamedTuple):
    """A layer: branches one after the other, or in parallel on one input."""

    branches: tuple[Branch, ...]
    parallel: bool = False


class Words(NamedTuple):
    """Embeddings of tokens: the rows of a table, times a number where they are `scaled`.

    The rows of further tables are added, of `each_token` or of `each_position` for the whole batch at once. A
    `projection`, a norm and a dropout may follow.
    """

    name: str = "embed_tokens"
    scaled: bool = False
    each_token: tuple[str, ...] = ()
    each_position: tuple[str, ...] = ()
    projection: str | None = None
    norm: Norm | None = None
    dropout: float = 0.0


class Body(NamedTuple):
    """A model without its head: embeddings, blocks below `layers`, and the last norm.

    The blocks of a decoder may also see what an `encoder` returns, which runs first.
    """

    blocks: Sequence[Block]
    final: Norm | None = Norm("norm")
    embeddings: Words = Words()
    layers: str = "layers"
    encoder: Body | None = None

    @property
    def attentions(self) -> frozenset[Attention | LatentAttention]:
        """The kinds of attention in it, those of the encoder aside."""
        parts = {branch.part for block in set(self.blocks) for branch in block.branches}
        return frozenset(part for part in parts if isinstance(part, Attention | LatentAttention))


class Dense(NamedTuple):
    """A step of a head: a Linear by its name in the model, without one that of the scores of the vocabulary.

    An activation and a dropout may follow.
    """

    name: str = ""
    activation: str | None = None
    dropout: float = 0.0


# What a loss is taken of: the next token at each place.
LossKind = Literal["causal"]


class Head(NamedTuple):
    """What a class does with the last hidden states: steps one after the other, and the loss of what they return."""

    steps: tuple[Dense, ...]
    loss: LossKind = "causal"


def scores_next_token(_: Config) -> Head:
    """Return the head of a language model."""
    return Head((Dense(),))


# The heads of decoders by the endings of their classes' names.
DECODER_HEADS: Mapping[str, Callable[[Config], Head]] = {
    "ForCausalLM": scores_next_token,
    "LMHeadModel": scores_next_token,
}

INPUT_NORM = Norm("input_layernorm")
MIDDLE_NORM = Norm("post_attention_layernorm")


def pre_norm(
    attention: Attention | LatentAttention,
    feed_forward: FeedForward | Experts = FeedForward(),  # noqa: B008
    kind: NormKind = "rms",
) -> Block:
    """Return a block whose branches each have one norm, before them, as Llama's."""
    return Block(
        (Branch(attention, INPUT_NORM._replace(kind=kind)), Branch(feed_forward, MIDDLE_NORM._replace(kind=kind)))
    )
