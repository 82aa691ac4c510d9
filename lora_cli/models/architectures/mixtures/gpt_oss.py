"""gpt-oss 20b and 120b: `transformers.models.gpt_oss`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.decoder import BUT_QUESTIONS, block, classes, decoder
from lora_cli.models.parts.decoder_pass import SEES_ALL, layer_pass, rotated
from lora_cli.models.parts.experts import fused
from lora_cli.models.parts.forward_pass import Body, Experts, Norm, Router
from lora_cli.models.parts.layer_windows import all_but_every, layer_windows, optional_window
from lora_cli.models.parts.layers import Nodes, parameter
from lora_cli.models.parts.mixture_pass import chosen_experts

hidden = size("hidden_size", 2880)

vocabulary = size("vocab_size", 201088)


def attended(config: Config) -> Nodes:
    """Build `GptOssAttention`, which has a learned sink for each head."""
    heads = config.size("num_attention_heads", default=64)
    groups = config.size("num_key_value_heads", default=8)
    width = config.size("head_dim", default=64)
    bias = config.flag("attention_bias", default=True)
    projections = attention(hidden(config), heads, groups, width, bias=bias, output_bias=bias)
    return [*projections, *parameter("sinks", heads)]


def experts(config: Config) -> Nodes:
    """Build `GptOssMLP`: a router and fused experts, all with biases; inputs come before outputs."""
    d = hidden(config)
    count = config.size("num_experts", "num_local_experts", default=128)
    inner = config.size("intermediate_size", default=2880)
    router = *parameter("router.weight", count, d), *parameter("router.bias", count)
    return [*router, *fused(d, inner, count, transposed=True, bias=True)]


def body(config: Config) -> Nodes:
    """Build `GptOssModel`."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=36),
        block(d, attended(config), experts(config)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `GptOssModel`, whose layers have a window or none in turn."""
    shape = (
        config.size("num_attention_heads", default=64),
        config.size("num_key_value_heads", default=8),
        config.size("head_dim", default=64),
    )
    attended = rotated(shape, config)._replace(rotary_kind="split_halves", by_heads=True, sinks=True)
    router = Router(
        chosen_experts(config, default=4), name="router", kind="softmax_of_chosen", lowered=False, bias=True
    )
    mixture = Experts(router, transposed=True, bias=True, clamped=True)
    window = optional_window(config, 128)
    windows = layer_windows(config, config.layers("num_hidden_layers", default=36), window, all_but_every(2))
    blocks = [layer_pass(attended._replace(window=each), mixture, kind="rms_weigh_first") for each in windows]
    final = Norm("norm", "rms_weigh_first")
    kept = ("post_attention_layernorm", "input_layernorm", "norm")
    return Body(blocks, final=final, reaches=SEES_ALL | {(True, window)}, only_eager=True, in_float=kept)


FAMILY = Family(
    "gpt_oss",
    classes("GptOss", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=2880, layers=36, heads=64, groups=8, head_width=64),
    forward=forward,
)
