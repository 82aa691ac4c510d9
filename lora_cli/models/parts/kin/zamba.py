"""Zamba2's attention blocks, which several layers share, each layer with its own low-rank matrices.

`transformers.models.zamba2`: `Zamba2AttentionDecoderLayer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, size
from lora_cli.models.parts.layer_types import STATE, layer_kinds
from lora_cli.models.parts.layers import Node, hollow, linear, listed, norm, parameters_of, under

hidden = size("hidden_size", 2560)
SHARED = "hybrid"
LAYERS = 54
SHARED_BY_DEFAULT = (*range(6, 43, 6), 47, 51)
# Each use of a block has a place for its adapters in every block, so their number grows with the square.
MAX_USES = 200


class Uses(NamedTuple):
    """The layers that use a shared block, and how many blocks take turns."""

    layers: tuple[int, ...]
    blocks: int


def kinds(config: Config) -> list[str]:
    """Return the kind of each layer."""
    layers = config.layers("num_hidden_layers", default=LAYERS)
    names = ("layer_types", "layers_block_type")
    if config.items(*names) is None and layers != LAYERS:
        raise InvalidInput(f"{config.source}: layers_block_type is missing, which is needed for {layers} layers")
    return layer_kinds(
        config,
        *names,
        layers=layers,
        known=(STATE, SHARED),
        default=lambda index: SHARED if index in SHARED_BY_DEFAULT else STATE,
    )


def uses(config: Config) -> Uses:
    """Return which layers use a shared block."""
    found = Uses(
        tuple(index for index, kind in enumerate(kinds(config)) if kind == SHARED),
        config.size("num_mem_blocks", default=1),
    )
    if len(found.layers) > MAX_USES:
        raise InvalidInput(f"{config.source}: {len(found.layers)} hybrid layers; at most {MAX_USES} are counted")
    return found


def feed_forward_width(config: Config) -> int:
    """Return the hidden units of a shared block."""
    return config.number("intermediate_size", default=0) or 4 * hidden(config)


def attention_width(config: Config) -> int:
    """Return the width of a shared block's inputs, which are the layer's and those of the first layer."""
    return config.size("attention_hidden_size", default=2 * hidden(config))


def head_width(config: Config) -> int:
    """Return the width of a head."""
    heads = config.size("num_attention_heads", default=32)
    return config.size("attention_head_dim", "head_dim", default=2 * hidden(config) // heads)


def adapters(config: Config, name: str, d: int, h: int, *, block: int) -> Iterator[Node]:
    """Build the low-rank matrices of one Linear for each layer that uses this block, and nothing for the other layers."""
    found, rank = uses(config), config.size("adapter_rank", default=128)
    yield from listed(name, ())
    for turn in range(len(found.layers)):
        if turn % found.blocks == block:
            yield from under(f"{name}.{turn}", linear("0", d, rank), linear("1", rank, h))
        else:
            yield from hollow(f"{name}.{turn}")


def shared_block(config: Config, *, block: int) -> Iterator[Node]:
    """Build `Zamba2AttentionDecoderLayer`."""
    d, wide, inner = hidden(config), attention_width(config), feed_forward_width(config)
    count = config.size("num_attention_heads", default=32)
    outputs = (count * head_width(config), config.size("num_key_value_heads", default=count) * head_width(config))
    bias = config.flag("add_bias_linear", default=False)
    for name, h in zip(("q", "k", "v"), (outputs[0], outputs[1], outputs[1]), strict=True):
        yield from linear(f"self_attn.{name}_proj", wide, h)
        if config.flag("use_shared_attention_adapter", default=False):
            yield from adapters(config, f"self_attn.linear_{name}_adapter_list", wide, wide, block=block)
    yield from linear("self_attn.o_proj", outputs[0], d)
    yield from linear("feed_forward.gate_up_proj", d, 2 * inner, bias=bias)
    yield from linear("feed_forward.down_proj", inner, d, bias=bias)
    yield from hollow("feed_forward.act_fn")
    yield from adapters(config, "feed_forward.gate_up_proj_adapter_list", d, 2 * inner, block=block)
    yield from norm("input_layernorm", wide)
    yield from norm("pre_ff_layernorm", d)


def ties(config: Config, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield each parameter of a block that is used again, and the one of its first use that it shares its values with."""
    found = uses(config)
    for turn, layer in enumerate(found.layers[found.blocks :]):
        first = found.layers[turn % found.blocks]
        for node in shared_block(config, block=turn % found.blocks):
            for parameter in parameters_of(node):
                name = f"shared_transformer.{parameter.name}"
                yield f"{prefix}layers.{layer}.{name}", f"{prefix}layers.{first}.{name}"
