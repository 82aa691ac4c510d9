"""Attention of decoders: the sizes of heads, and grouped-query attention; and torch's own attention."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.nodes import MULTIHEAD, OUTPUT_PROJECTION, Module
from lora_cli.models.parts.layers import Nodes, linear, norm


def heads(
    config: Config, d: int, *, count: int, groups: int | None = None, width: int | None = None, empty: bool = False
) -> tuple[int, int, int]:
    """Return the number of heads, the number of groups and the width of a head. The arguments are the defaults.

    Null groups mean as many as heads, whatever a missing field means. Without a `width` the heads share the
    hidden size, rounded down, and so they do where `head_dim` is null. Most classes take a root of the width, and
    refuse one of 0; others let it be `empty`.
    """
    heads = config.size("num_attention_heads", default=count)
    missing = "num_key_value_heads" not in config.fields
    shared = config.size("num_key_value_heads", default=groups if groups and missing else heads)
    return heads, shared, head_width(config, d, heads, default=width, empty=empty)


def head_width(config: Config, d: int, heads: int, *, default: int | None = None, empty: bool = False) -> int:
    """Return the width of a head: `head_dim`, or else the heads' share of the hidden size, rounded down."""
    missing = "head_dim" not in config.fields
    width = config.size("head_dim", default=default if default and missing else 0) or d // heads
    if not (width or empty):
        raise InvalidInput(f"{config.source}: hidden_size {d} is smaller than num_attention_heads {heads}")
    return width


def attention(d: int, heads: int, groups: int, width: int, *, bias: bool = False, output_bias: bool = False) -> Nodes:
    """Build q, k, v and o of grouped-query attention: `heads` and `groups` of `width` each."""
    return (
        *linear("q_proj", d, heads * width, bias=bias),
        *linear("k_proj", d, groups * width, bias=bias),
        *linear("v_proj", d, groups * width, bias=bias),
        *linear("o_proj", heads * width, d, bias=output_bias),
    )


def biased(config: Config, d: int, shape: tuple[int, int, int]) -> Nodes:
    """Build grouped-query attention with biases where `attention_bias` is true."""
    bias = config.flag("attention_bias", default=False)
    return attention(d, *shape, bias=bias, output_bias=bias)


def attention_with_head_norms(
    config: Config, d: int, shape: tuple[int, int, int], *, norms: tuple[str, str] = ("q_norm", "k_norm")
) -> Nodes:
    """Build the same with `norms` on each head of q and k."""
    return (*biased(config, d, shape), *(node for name in norms for node in norm(name, shape[-1])))


def multihead(name: str, d: int) -> Nodes:
    """Build a `torch.nn.MultiheadAttention`: q, k and v in one weight, and a Linear."""
    output = linear(f"{name}.{OUTPUT_PROJECTION}", d, d, bias=True)
    return (Module(name, d, 3 * d, MULTIHEAD, bias=True), *output)
