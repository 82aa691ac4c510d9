"""RecurrentGemma and Griffin, linear recurrences and local attention: `transformers.models.recurrent_gemma`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.hybrid import layered_decoder
from lora_cli.models.parts.layers import Node, Nodes, hollow, linear, norm, parameter, under
from lora_cli.models.parts.state_space import depthwise

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 256000)
# transformers repeats block_types this often.
MOST_REPEATS = 100


def recurrent_width(config: Config) -> int:
    """Return the width of a recurrence."""
    return config.size("lru_width", default=hidden(config))


def recurrence(config: Config, d: int) -> Iterator[Node]:
    """Build `RecurrentGemmaRecurrentBlock`: a convolution and a gated recurrence, whose gates are split by heads."""
    count = config.size("num_attention_heads", default=10)
    width = recurrent_width(config)
    share = width // count
    yield from linear("linear_y", d, width, bias=True)
    yield from linear("linear_x", d, width, bias=True)
    yield from linear("linear_out", width, d, bias=True)
    yield from depthwise("conv_1d", width, config.size("conv1d_width", default=4), bias=True)
    yield from parameter("rg_lru.recurrent_param", width)
    for gate in ("input_gate", "recurrent_gate"):
        yield from parameter(f"rg_lru.{gate}_weight", count, share, share)
        yield from parameter(f"rg_lru.{gate}_bias", count, share)
    yield from hollow("act_fn")


def local_attention(config: Config, d: int) -> Nodes:
    """Build `RecurrentGemmaAttention`, whose output always has a bias."""
    count, groups, width = heads(config, d, count=10)
    if groups > count:
        raise InvalidInput(
            f"{config.source}: num_key_value_heads is {groups}; it must be at most num_attention_heads {count}"
        )
    bias = config.flag("attention_bias", default=False)
    return (*attention(d, count, groups, width, bias=bias, output_bias=True), *hollow("rotary_emb"))


def body(config: Config) -> Nodes:
    """Build `RecurrentGemmaModel`, whose layers take turns as `block_types` says."""
    d = hidden(config)
    mixers = {"recurrent": list(recurrence(config, d)), "attention": list(local_attention(config, d))}
    layers = config.layers("num_hidden_layers", default=26)
    turns = config.items("block_types")
    if turns is None:
        turns = ["recurrent", "recurrent", "attention"]
    if not all(turn in tuple(mixers) for turn in turns) or len(turns) * MOST_REPEATS < layers:
        raise config.wrong("block_types", "a list of recurrent and attention, long enough for the layers")
    feed_forward = gated(d, config.size("intermediate_size", default=7680) // 2, bias=True)
    norms = (*norm("temporal_pre_norm", d), *norm("channel_pre_norm", d))
    blocks = (
        [*under("temporal_block", mixers[turns[index % len(turns)]]), *under("mlp_block", feed_forward), *norms]
        for index in range(layers)
    )
    return layered_decoder(vocabulary(config), d, blocks, final="final_norm", rotary=None)


FAMILY = Family(
    "recurrent_gemma",
    classes("RecurrentGemma", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=CAUSAL_OR_BARE),
    PromptSizes(hidden=2560, layers=26, heads=10, groups="heads", head_width="shared"),
    filled={"lru_width": recurrent_width},
)
