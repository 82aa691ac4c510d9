"""What a block of a model does with its modules, in order: declared beside the modules, by the names they have there.

What a forward pass allocates follows from it. Names are those below the block, or below the part that holds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

# How a norm computes. `rms` is Llama's, which returns to the type of its input before it weighs; `rms_float` is
# Gemma's, which weighs by 1 + weight in float32; `rms_weigh_first` is OLMo 2's, which weighs in float32.
# `rms_half` is T5's, which takes the mean in float32 alone. `layer` is PyTorch's LayerNorm, `layer_float` Cohere's own in
# float32.
NormKind = Literal["rms", "rms_float", "rms_weigh_first", "rms_half", "layer", "layer_float"]


class Norm(NamedTuple):
    """A norm, as wide as its weight, or of a `width` where each of several rows has its own part of the weight.

    Without parameters it is not `affine`, and has a width.
    """

    name: str
    kind: NormKind = "rms"
    width: int = 0
    affine: bool = True


# When q and k are normed: as soon as each is projected, once q, k and v all are, or once they are rotated.
NormTime = Literal["projected", "all_projected", "rotated"]

# How positions turn q and k. `halves` is Llama's; `float_angles` is OLMo 2's, whose angles are float32; `float_pairs` is
# Cohere's, which turns q and k into float32; `pairs` is GLM's, which repeats its angles for each pair of values, and
# `pairs_in_float` ERNIE's, which does so in float32; `neighbours` is DeepSeek V3's, which does not repeat them, `complex`
# V2's, whose angles are complex numbers, and `split_halves` gpt-oss's, which has an angle for each pair.
RotaryKind = Literal[
    "halves", "float_angles", "float_pairs", "pairs", "pairs_in_float", "neighbours", "complex", "split_halves"
]


# What is added to the scores for how far apart tokens are: nothing, what is learned of it, or zeros.
BiasKind = Literal["", "learned", "zeros"]

# What a token sees: only those before it or all, and of those how far away the last is, None for all.
Reach = tuple[bool, int | None]
FLOAT_ANGLES = ("float_angles", "pairs_in_float")
# Angles of positions: their name, whether they are float32 whatever the hidden states are, whether each text of a batch
# has its own, and their width.
Angles = tuple[str, bool, bool, int]


class Attention(NamedTuple):
    """Attention of `heads` query heads and `groups` key-value heads of `width` each.

    `inputs` are its projections: of q, k and v, or one that is split. `rotary` is how much of a head's width is
    rotated by its position; `positions` names the angles where there are several, and `each_text` of a batch may have its
    own. `norms` are those of q and k.
    `soft_cap` bounds the scores by a tanh; `window` is how far a token looks back. `float_softmax` says whether eager
    attention asks for the softmax in float32, `casts_weights` whether it turns that into the type of q, `by_heads`
    whether q and k lie in memory head by head, as what is put together of a rotated part and the rest does. With `sliced`
    q, k and v are taken one by one of what is split, with `scaled_queries` those are multiplied by a number for each
    position, with `scales_q` q by one number as soon as it is projected. With `keeps` what goes into the last product is
    let go of only once the branch is over. One that `crosses` takes k and v of what the encoder returned. What is added
    to the scores is made by the first layer if it `makes_bias`, and shared by the others. With `sinks` a head may look
    at nothing; `clipped` says whether q, k and v are bounded in place. With `indexed` k and v are taken of what is split
    by an index, which copies them: `groups` for all their heads, a `single` one as it is. One that is always `masked`
    has a mask that it does not need. If eager attention `scales_in_place`, it has the scores beside the masked ones
    until their softmax is over.
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
    each_text: bool = False
    float_softmax: bool = True
    casts_weights: bool = True
    by_heads: bool = False
    sliced: bool = False
    scaled_queries: bool = False
    scales_q: bool = False
    keeps: bool = False
    crosses: bool = False
    bias: BiasKind = ""
    makes_bias: bool = False
    sinks: bool = False
    clipped: bool = False
    indexed: Literal["", "groups", "single"] = ""
    masked: bool = False
    scales_in_place: bool = False

    @property
    def reach(self) -> Reach:
        """What a token sees: attentions that are alike in this share a mask."""
        return self.causal, self.window

    @property
    def angles(self) -> Angles:
        """Which angles turn q and k: attentions that are alike in this share them."""
        if self.rotary_kind in {"complex", "split_halves"}:
            return self.positions, self.rotary_kind == "complex", self.each_text, self.rotary // 2
        return self.positions, self.rotary_kind in FLOAT_ANGLES, self.each_text, self.rotary


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
    """A feed-forward: with two inputs the first is the gate, and so is half of one that is fused.

    With `keeps` what goes into the last product is let go of only once the branch is over, and with `casts_inner` it is
    turned into the type of that product's weight.
    """

    name: str = "mlp"
    inputs: tuple[str, ...] = ("gate_proj", "up_proj")
    output: str = "down_proj"
    activation: str = "silu"
    gated: bool = True
    dropout: float = 0.0
    keeps: bool = False
    inner_dropout: float = 0.0
    casts_inner: bool = False


# How a router scores the experts and weighs those that it chooses. `softmax` chooses by the softmax of all scores in
# float32, `softmax_of_chosen` takes the softmax of those that it chose; `sigmoid` and `softmax_groups` are DeepSeek's, in
# float32 and by groups of experts; `softmax_corrected` is ERNIE's, with a bias for the choice alone.
RouterKind = Literal["softmax", "softmax_of_chosen", "sigmoid", "softmax_groups", "softmax_corrected"]


class Router(NamedTuple):
    """What sends a token to `top` of the experts.

    `normed` weights are divided by their sum. They have the type of the hidden states if they are `lowered`, and the
    scores are float32 from the start if they are `raised`, which autocast lowers unless it is off in a `guarded` router.
    With more than one of `groups`, experts come from the `best_groups`.
    """

    top: int
    name: str = "gate"
    kind: RouterKind = "softmax"
    normed: bool = True
    lowered: bool = True
    raised: bool = False
    guarded: bool = False
    groups: int = 1
    best_groups: int = 1
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
    """What is added to the residual stream: a part, the norms before and after it, and whether it is then `scaled`.

    A norm of the `sum` is what the stream goes on with. `keeps` says whether the layer's function has the result until
    the branch is over, before or after values are dropped, or until the `layer` is, and `keeps_given` whether it has what
    the part was given until the result is added; `all` of this is there until the layer is over. `clamps` says whether
    float16 is kept from infinity.
    """

    part: Attention | LatentAttention | FeedForward | Experts
    before: Norm | None = None
    after: Norm | None = None
    dropout: float = 0.0
    scaled: bool = False
    sum: Norm | None = None
    keeps: Literal["", "undropped", "dropped", "layer", "all"] = ""
    keeps_given: bool = False
    clamps: bool = False


class Block(NamedTuple):
    """A layer: branches one after the other, or in parallel on one input, which may share the norm `before` them.

    The results of parallel ones are added to each other, perhaps `in_place` and with a dropout, before they are to the
    residual stream.
    """

    branches: tuple[Branch, ...]
    parallel: bool = False
    before: Norm | None = None
    in_place: bool = False
    dropout: float = 0.0

    @property
    def attentions(self) -> tuple[Attention, ...]:
        """Its attentions."""
        parts = (part.scores if isinstance(part, LatentAttention) else part for part, *_ in self.branches)
        return tuple(part for part in parts if isinstance(part, Attention))


class Words(NamedTuple):
    """Embeddings of tokens: the rows of a table, times a number where they are `scaled`, `within` the module or after it.

    The rows of further tables are added, of `each_token` or of `each_position` for the whole batch at once. A
    `projection`, a norm and a dropout may follow. Where that happens `apart`, in a module of its own, what was looked
    up is let go of before the layers run, and a projection is the `last_projection`. `indices` is how many positions, and
    how many types of tokens, the model keeps. The first token has the row `first_position` of its table of positions.
    """

    name: str = "embed_tokens"
    scaled: Literal["", "within", "after"] = ""
    each_token: tuple[str, ...] = ()
    each_position: tuple[str, ...] = ()
    projection: str | None = None
    norm: Norm | None = None
    dropout: float = 0.0
    apart: bool = False
    last_projection: str | None = None
    indices: tuple[int, ...] = ()
    first_position: int = 0


class Patches(NamedTuple):
    """Embeddings of the patches of an image of so many `values`, by the convolution below `name`.

    A class token goes before the `tokens` - 1 patches, positions are added, and a dropout follows.
    """

    tokens: int
    values: int
    name: str = "embeddings.patch_embeddings"
    convolution: str = "projection"
    dropout: float = 0.0


class Body(NamedTuple):
    """A model without its head: embeddings, blocks below `layers`, and the last norm, perhaps with a `projection` or a dropout.

    With an `own_linear`, a class that adds its bias after the product, nothing of it is quantised.

    The blocks of a decoder may also see what an `encoder` returns, which runs first. `reaches` are masks that are made
    even if no block needs them. With `only_eager` transformers has no other attention for it. What has a word of
    `in_float` in its name is float32 beside float16, and never quantised (`_keep_in_fp32_modules`). One that
    `keeps_weights` still has what eager attention returned of a layer while the next one runs.
    """

    blocks: Sequence[Block]
    final: Norm | None = Norm("norm")
    embeddings: Words | Patches = Words()
    layers: str = "layers"
    encoder: Body | None = None
    reaches: frozenset[Reach] = frozenset()
    only_eager: bool = False
    projection: str | None = None
    dropout: float = 0.0
    own_linear: bool = False
    in_float: tuple[str, ...] = ()
    keeps_weights: bool = False

    @property
    def mixtures(self) -> Mapping[Experts, int]:
        """The kinds of experts in it, each with the index of a layer that has them."""
        parts = ((branch.part, index) for index, block in enumerate(self.blocks) for branch in block.branches)
        return {part: index for part, index in parts if isinstance(part, Experts)}

    @property
    def attentions(self) -> frozenset[Attention]:
        """The kinds of attention in it, those of the encoder aside."""
        return frozenset(attention for block in set(self.blocks) for attention in block.attentions)

    @property
    def angles(self) -> frozenset[Angles]:
        """The angles that its attentions use."""
        return frozenset(each.angles for each in self.attentions if each.rotary)


def plain(name: str, first: str, second: str, activation: str, dropout: float = 0.0) -> FeedForward:
    """Return a feed-forward of two Linears with an activation between them."""
    return FeedForward(name, (first,), second, activation, gated=False, dropout=dropout)


def pre_norm(
    attention: Attention | LatentAttention,
    feed_forward: FeedForward | Experts = FeedForward(),  # noqa: B008 - it cannot be changed
    kind: NormKind = "rms",
    dropout: float = 0.0,
    *,
    names: tuple[str, str] = ("input_layernorm", "post_attention_layernorm"),
    parallel: bool = False,
) -> Block:
    """Return a block whose branches each have one norm, before them, as Llama's."""
    first, second = (Norm(name, kind) for name in names)
    return Block((Branch(attention, first, dropout=dropout), Branch(feed_forward, second, dropout=dropout)), parallel)


def side_by_side(attention: Attention, feed_forward: FeedForward, *norms: Norm, dropout: float = 0.0) -> Block:
    """Return a block whose branches are in parallel: they share the one norm before them, as Phi's, or have one each."""
    shared = norms[0] if len(norms) == 1 else None
    first, second = (None, None) if shared else norms
    branches = Branch(attention, first, dropout=dropout), Branch(feed_forward, second, dropout=dropout)
    return Block(branches, parallel=True, before=shared)
