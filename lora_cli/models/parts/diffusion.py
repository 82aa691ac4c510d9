"""What models of diffusers are built of: attention, feed-forward blocks, adaptive norms and embeddings of time and text.

`diffusers.models`: `attention`, `attention_processor`, `normalization`, `embeddings`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, convolution, hollow, linear, module_list, norm, under

# The sinusoids that a time step is written as.
TIME_CHANNELS = 256
# Whether the first Linear of a feed-forward block has a gate beside it, and whether its activation is a module.
FEED_FORWARDS = {
    "gelu": (False, False),
    "gelu-approximate": (False, False),
    "geglu": (True, False),
    "geglu-approximate": (False, False),
    "swiglu": (True, True),
    "linear-silu": (False, True),
}


def width(config: Config, *, heads: int, head: int) -> int:
    """Return the width of all heads. The arguments are the defaults of their number and of the width of one."""
    count = config.size("num_attention_heads", default=heads)
    return count * config.size("attention_head_dim", default=head)


def out_channels(config: Config, *, inputs: int, default: int | None = None) -> int:
    """Return the output channels; null or 0 stands for those of the input. `inputs` and `default` are the defaults."""
    if default is not None and "out_channels" not in config.fields:
        return default
    return config.number("out_channels", default=0) or config.size("in_channels", default=inputs)


def nullable(config: Config, name: str, *, default: int) -> int:
    """Return a size, or 0 where the config says null, which leaves out what has that size."""
    return 0 if config.fields.get(name, default) is None else config.size(name, default=default)


def share(config: Config, name: str, d: int, *, default: float) -> int:
    """Return how wide a feed-forward block is inside, which is `d` times a field."""
    inner = int(d * config.real(name, default=default))
    if inner < 1:
        raise config.wrong(name, f"a number that makes at least 1 of the width {d}")
    return inner


def size_list(config: Config, name: str, *, default: list[int], count: int | None = None) -> list[int]:
    """Return a field that is a list of sizes, `count` of them if it says so."""
    values = config.items(name) or default
    if count is not None and len(values) != count:
        raise config.wrong(name, f"a list of {count} sizes")
    return [Config({name: each}, config.source).needed(name) for each in values]


def attention(
    d: int, inner: int | None = None, *, context: int | None = None, bias: bool = True, out_bias: bool = True
) -> Nodes:
    """Build the projections of attention of `inner` width to itself, or to a `context`."""
    inner, context = inner or d, context or d
    return (
        *linear("to_q", d, inner, bias=bias),
        *linear("to_k", context, inner, bias=bias),
        *linear("to_v", context, inner, bias=bias),
        *module_list("to_out"),
        *linear("to_out.0", inner, d, bias=out_bias),
        *hollow("to_out.1"),
    )


def added(d: int, *, output: bool = True, bias: bool = True) -> Nodes:
    """Build the projections that attention has for the tokens of a text beside those of an image."""
    return (
        *(node for side in "qkv" for node in linear(f"add_{side}_proj", d, d, bias=bias)),
        *(linear("to_add_out", d, d, bias=bias) if output else ()),
    )


def head_norms(size: int, *prefixes: str) -> Nodes:
    """Build the RMSNorms of queries and keys, e.g. `norm_q` and `norm_k` for the prefix `norm`."""
    return [node for prefix in prefixes for side in "qk" for node in norm(f"{prefix}_{side}", size)]


def joint_attention(d: int, head: int, *, bias: bool = True) -> Iterator[Node]:
    """Build `attn` over the tokens of an image and of a text, with a norm on each head."""
    norms = head_norms(head, "norm", "norm_added")
    return under("attn", attention(d, bias=bias, out_bias=bias), added(d, bias=bias), norms)


def feed_forward(
    name: str, d: int, *, inner: int | None = None, h: int | None = None, kind: str = "gelu"
) -> Iterator[Node]:
    """Build `FeedForward` with an activation of a `kind`. Without sizes it is four times as wide inside."""
    gated, has_activation = FEED_FORWARDS[kind]
    inner = 4 * d if inner is None else inner
    yield from module_list(f"{name}.net")
    yield from under(
        f"{name}.net",
        linear("0.proj", d, 2 * inner if gated else inner, bias=True),
        hollow("0.activation") if has_activation else (),
        hollow("1"),
        linear("2", inner, d if h is None else h, bias=True),
    )


def time_embedding(name: str, h: int, *, d: int = TIME_CHANNELS, bias: bool = True) -> Iterator[Node]:
    """Build `TimestepEmbedding`."""
    first, second = linear("linear_1", d, h, bias=bias), linear("linear_2", h, h, bias=bias)
    return under(name, first, hollow("act"), second)


def text_projection(name: str, d: int, h: int) -> Iterator[Node]:
    """Build `PixArtAlphaTextProjection`."""
    return under(name, linear("linear_1", d, h, bias=True), hollow("act_1"), linear("linear_2", h, h, bias=True))


def time_and_text(name: str, h: int, pooled: int, *, guided: bool = False) -> Iterator[Node]:
    """Build the embeddings of the time step, of a text of `pooled` width and, with `guided`, of the guidance."""
    return under(
        name,
        hollow("time_proj"),
        time_embedding("timestep_embedder", h),
        time_embedding("guidance_embedder", h) if guided else (),
        text_projection("text_embedder", pooled, h),
    )


def modulated_norm(name: str, d: int, parts: int, *, bias: bool = True) -> Iterator[Node]:
    """Build a norm without parameters and the Linear that makes the `parts` that shift, scale and gate it."""
    return under(name, hollow("silu"), linear("linear", d, parts * d, bias=bias), hollow("norm"))


def modulation(name: str, d: int, parts: int) -> Iterator[Node]:
    """Build a `torch.nn.Sequential` of an activation and the Linear that makes the `parts`."""
    return under(name, hollow("0"), linear("1", d, parts * d, bias=True))


def single_norm(name: str, d: int, *, sized: bool = False) -> Iterator[Node]:
    """Build `AdaLayerNormSingle`, which all blocks share, of the time step and, where `sized`, of the image's size."""
    third = d // 3
    sizes = (
        *hollow("additional_condition_proj"),
        *time_embedding("resolution_embedder", third),
        *time_embedding("aspect_ratio_embedder", third),
    )
    embedded = under("emb", hollow("time_proj"), time_embedding("timestep_embedder", d), sizes if sized else ())
    return under(name, embedded, hollow("silu"), linear("linear", d, 6 * d, bias=True))


def patches(
    config: Config, name: str, d: int, *, channels: int, patch: int, has_positions: bool = True
) -> Iterator[Node]:
    """Build `PatchEmbed`: the convolution that makes tokens of an image. `channels` and `patch` are defaults.

    Positions are sines and cosines of the height and the width, so that they fill the tokens in four parts.
    """
    if has_positions:
        config.share(d, "the width of all heads", 4, "the parts of a position,")
    size = config.size("patch_size", default=patch)
    return under(name, convolution("proj", config.size("in_channels", default=channels), d, size, size))


def joint_block(d: int, head: int, *, inner: int | None = None) -> Nodes:
    """Build a block in which an image and a text have weights of their own and attend to each other."""
    return (
        *modulated_norm("norm1", d, 6),
        *modulated_norm("norm1_context", d, 6),
        *joint_attention(d, head),
        *hollow("norm2"),
        *feed_forward("ff", d, inner=inner),
        *hollow("norm2_context"),
        *feed_forward("ff_context", d, inner=inner),
    )


def single_block(d: int, head: int, inner: int) -> Nodes:
    """Build a block in which image and text share weights, and attention stands beside the feed-forward part."""
    return (
        *modulated_norm("norm", d, 3),
        *linear("proj_mlp", d, inner, bias=True),
        *hollow("act_mlp"),
        *linear("proj_out", d + inner, d, bias=True),
        *under("attn", *(linear(name, d, d, bias=True) for name in ("to_q", "to_k", "to_v")), head_norms(head, "norm")),
    )
