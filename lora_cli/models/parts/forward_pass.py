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
    """A norm, as wide as its weight, or of a `width` where each of several rows has its own part of the weight."""

    name: str
    kind: NormKind = "rms"
    width: int = 0


# When q and k are normed: as soon as each is projected, once q, k and v all are, or once they are rotated.
NormTime = Literal["projected", "all_projected", "rotated"]

# How positions turn q and k. `halves` is Llama's; `float_angles` is OLMo 2's, whose angles are float32; `float_pairs` is
# Cohere's, which turns q and k into float32; `pairs` is GLM's, which repeats its angles for each pair of values;
# `raised_pairs` is ERNIE's, which adds them up in float32; `neighbours` is DeepSeek V3's, which does not repeat angles,
# `complex` V2's, whose angles are complex numbers, and `split_halves` gpt-oss's, which has an angle for each pair.
RotaryKind = Literal[
    "halves", "float_angles", "float_pairs", "pairs", "raised_pairs", "neighbours", "complex", "split_halves"
]


# What a token sees: only those before it or all, and of those how far away the last is, None for all.
Reach = tuple[bool, int | None]
# Angles of positions: their name, whether they are float32 whatever the hidden states are, and their width.
Angles = tuple[str, bool, int]


class Attention(NamedTuple):
    """Attention of `heads` query heads and `groups` key-value heads of `width` each.

    `inputs` are its projections: of q, k and v, or one that is split. `rotary` is how much of a head's width is
    rotated by its position, and `positions` names the angles where there are several. `norms` are those of q and k.
    `soft_cap` bounds the scores by a tanh; `window` is how far a token looks back. `float_softmax` says whether eager
    attention asks for the softmax in float32, `by_heads` whether q and k lie in memory head by head, as what is put
    together of a rotated part and the rest does. With `sinks` a head may look at nothing; `clipped`
    says whether q, k and v are bounded in place. With `sliced` q, k and v are taken one by one of what is split.
    """

    heads: int
    groups: int
    width: int
    name: str = "self_attn"
    inputs: tuple[str, ...] = ("q_proj", "k_proj", "v_proj")
    output: str = "o_proj"
    rotary: int = 0
    norms: tuple[Norm, Norm] | None = None
    norm_time: NormTime = "projected"
    dropout: float = 0.0
    soft_cap: bool = False
    window: int | None = None
    causal: bool = True
    rotary_kind: RotaryKind = "halves"
    positions: str = ""
    float_softmax: bool = True
    by_heads: bool = False
    sliced: bool = False
    sinks: bool = False
    clipped: bool = False

    @property
    def reach(self) -> Reach:
        """What a token sees: attentions that are alike in this share a mask."""
        return self.causal, self.window

    @property
    def angles(self) -> Angles:
        """Which angles turn q and k: attentions that are alike in this share them."""
        if self.rotary_kind in {"complex", "split_halves"}:
            return self.positions, self.rotary_kind == "complex", self.rotary // 2
        return self.positions, self.rotary_kind in {"float_angles", "raised_pairs"}, self.rotary


class LatentAttention(NamedTuple):
    """DeepSeek's attention, whose keys and values, and mostly queries, come through a low rank.

    `scores` is the attention of the heads. A head's query and key are of `plain` width and the width that is rotated,
    of which all heads share that of the key, and its value is of `value` width.
    """

    scores: Attention
    plain: int
    value: int
    name: str = "self_attn"
    whole_query: bool = False


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
    scores are float32 from the start if they are `raised`, which autocast lowers unless it is off in a `guarded` router.
    With more than one of `groups`, experts come from the best.
    """

    top: int
    name: str = "gate"
    kind: RouterKind = "softmax"
    normed: bool = True
    lowered: bool = True
    raised: bool = False
    guarded: bool = False
    groups: int = 1
    bias: bool = False


class Experts(NamedTuple):
    """A mixture of experts, whose weights are fused into one parameter for each projection.

    `shared` is the feed-forward that every token takes, first or last, and `shared_gate` scales what it returns. A
    `clamped` gate is gpt-oss's.
    """

    router: Router
    name: str = "mlp"
    activation: str = "silu"
    transposed: bool = False
    bias: bool = False
    clamped: bool = False
    shared: FeedForward | None = None
    shared_gate: str | None = None
    shared_first: bool = False


class Branch(NamedTuple):
    """What is added to the residual stream: a part, the norms before and after it, and whether it is then `scaled`."""

    part: Attention | LatentAttention | FeedForward | Experts
    before: Norm | None = None
    after: Norm | None = None
    dropout: float = 0.0
    scaled: bool = False


class Block(NamedTuple):
    """A layer: branches one after the other, or in parallel on one input, which may share the norm `before` them.

    The results of parallel ones are added to each other, perhaps `in_place`, before they are to the residual stream.
    With `keeps` the layer's function still has what a part was given while its result is added, and its result until
    the end.
    """

    branches: tuple[Branch, ...]
    parallel: bool = False
    before: Norm | None = None
    in_place: bool = False
    keeps: bool = False

    @property
    def attentions(self) -> tuple[Attention, ...]:
        """Its attentions."""
        parts = (part.scores if isinstance(part, LatentAttention) else part for part, *_ in self.branches)
        return tuple(part for part in parts if isinstance(part, Attention))


class Words(NamedTuple):
    """Embeddings of tokens: the rows of a table, times a number where they are `scaled`, `within` the module or after it.

    The rows of further tables are added, of `each_token` or of `each_position` for the whole batch at once. A
    `projection`, a norm and a dropout may follow. Where that happens `apart`, in a module of its own, what was looked
    up is let go of before the layers run.
    """

    name: str = "embed_tokens"
    scaled: Literal["", "within", "after"] = ""
    each_token: tuple[str, ...] = ()
    each_position: tuple[str, ...] = ()
    projection: str | None = None
    norm: Norm | None = None
    dropout: float = 0.0
    apart: bool = False


class Body(NamedTuple):
    """A model without its head: embeddings, blocks below `layers`, and the last norm.

    The blocks of a decoder may also see what an `encoder` returns, which runs first. `reaches` are masks that are made
    even if no block needs them. With `only_eager` transformers has no other attention for it.
    """

    blocks: Sequence[Block]
    final: Norm | None = Norm("norm")
    embeddings: Words = Words()
    layers: str = "layers"
    encoder: Body | None = None
    reaches: frozenset[Reach] = frozenset()
    only_eager: bool = False

    @property
    def attentions(self) -> frozenset[Attention]:
        """The kinds of attention in it, those of the encoder aside."""
        return frozenset(attention for block in set(self.blocks) for attention in block.attentions)

    @property
    def angles(self) -> frozenset[Angles]:
        """The angles that its attentions use."""
        return frozenset(each.angles for each in self.attentions if each.rotary)


class Dense(NamedTuple):
    """A step of a head: a Linear by its name in the model, without one that of the scores of the vocabulary.

    An activation and a dropout may follow.
    """

    name: str = ""
    activation: str | None = None
    dropout: float = 0.0


class Dropout(NamedTuple):
    """A step of a head: values are dropped."""

    probability: float


class Scaled(NamedTuple):
    """A step of a head: scores are multiplied by a number."""


class SoftCapped(NamedTuple):
    """A step of a head: scores are bound by a tanh."""


class LastToken(NamedTuple):
    """A step of a head: of each sequence the scores of its last token are taken."""


# What a loss is taken of: the next token at each place, a label of each token, or one of each sequence.
LossKind = Literal["causal", "tokens", "sequences"]


class Head(NamedTuple):
    """What a class does with the last hidden states: steps one after the other, and the loss of what they return."""

    steps: tuple[Dense | Dropout | LastToken | Scaled | SoftCapped, ...]
    loss: LossKind = "causal"


def scores_next_token(_: Config) -> Head:
    """Return the head of a language model."""
    return Head((Dense(),))


def scores_sequence(_: Config) -> Head:
    """Return the head of `GenericForSequenceClassification`."""
    return Head((Dense("score"), LastToken()), "sequences")


def scores_tokens(config: Config) -> Head:
    """Return the head of `GenericForTokenClassification`."""
    dropout = config.real("classifier_dropout", "hidden_dropout", default=0.1)
    return Head((Dropout(dropout), Dense("score")), "tokens")


# The heads of decoders by the endings of their classes' names.
DECODER_HEADS: Mapping[str, Callable[[Config], Head]] = {
    "ForCausalLM": scores_next_token,
    "LMHeadModel": scores_next_token,
    "ForSequenceClassification": scores_sequence,
    "ForTokenClassification": scores_tokens,
}


def plain(name: str, first: str, second: str, activation: str, dropout: float = 0.0) -> FeedForward:
    """Return a feed-forward of two Linears with an activation between them."""
    return FeedForward(name, (first,), second, activation, gated=False, dropout=dropout)


def pre_norm(
    attention: Attention | LatentAttention,
    feed_forward: FeedForward | Experts = FeedForward(),  # noqa: B008
    kind: NormKind = "rms",
    dropout: float = 0.0,
    *,
    names: tuple[str, str] = ("input_layernorm", "post_attention_layernorm"),
    parallel: bool = False,
    keeps: bool = False,
) -> Block:
    """Return a block whose branches each have one norm, before them, as Llama's."""
    first, second = (Norm(name, kind) for name in names)
    branches = Branch(attention, first, dropout=dropout), Branch(feed_forward, second, dropout=dropout)
    return Block(branches, parallel, keeps=keeps)
