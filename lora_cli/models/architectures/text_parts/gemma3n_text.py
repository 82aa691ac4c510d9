"""The text decoder of Gemma 3n, whose last layers reuse keys and values: `transformers.models.gemma3n`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import classes, layered_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.kin.gemma4 import (
    NORMS,
    Layer,
    attention,
    first_reusing,
    layer_words,
    words_of_layers,
)
from lora_cli.models.parts.layer_types import ATTENTION, SLIDING, layer_kinds
from lora_cli.models.parts.layer_windows import sliding_but_every
from lora_cli.models.parts.layers import Node, Nodes, linear, module_list, norm, parameter, under

PATTERN = 5

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 262400)
narrow = size("hidden_size_per_layer_input", 256)


def _inner(config: Config, layers: int) -> list[int]:
    """Return the width of each layer's feed-forward: one for all, or a list."""
    name = "intermediate_size"
    widths = config.fields.get(name)
    if not isinstance(widths, list):
        return [config.size(name, default=16384)] * layers
    if len(widths) != layers:
        raise config.wrong(name, f"a size, or a list with one for each of the {layers} layers")
    return [Config({name: width}, config.source).needed(name) for width in widths]


def _layer(config: Config, d: int, inner: int, *, reuses: bool) -> Nodes:
    count, groups, width = heads(config, d, count=8, groups=2, width=256)
    config.share(d, "hidden_size", count, "num_attention_heads")
    inputs, low = config.size("altup_num_inputs", default=4), config.size("laurel_rank", default=64)
    alternating = (
        *parameter("correct_output_scale", d),
        *linear("correction_coefs", inputs, inputs),
        *linear("prediction_coefs", inputs, inputs**2),
        *linear("modality_router", d, inputs),
        *norm("router_norm", d),
    )
    return [
        *attention(config, d, Layer(groups, width, is_full=False, reuses=reuses)),
        *under("mlp", gated(d, inner)),
        *under("altup", alternating),
        *under("laurel", linear("linear_left", d, low), linear("linear_right", low, d), norm("post_laurel_norm", d)),
        *layer_words(d, narrow(config)),
        *(node for name in NORMS for node in norm(name, d)),
    ]


def body(config: Config) -> Iterator[Node]:
    """Build `Gemma3nTextModel`, each of whose layers takes words once more."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=35)
    slides = sliding_but_every(PATTERN)
    types = layer_kinds(config, "layer_types", layers=layers, known=(ATTENTION, SLIDING), default=slides)
    sparse = config.items("activation_sparsity_pattern")
    if sparse is not None and len(sparse) != layers:
        raise config.wrong("activation_sparsity_pattern", f"a list with an entry for each of the {layers} layers")
    first = first_reusing(config, types, default=15)
    widths = enumerate(_inner(config, layers))
    others = config.size("altup_num_inputs", default=4) - 1
    blocks = (_layer(config, d, inner, reuses=index >= first) for index, inner in widths)
    yield from layered_decoder(vocabulary(config), d, blocks)
    yield from words_of_layers(config, d, layers, narrow(config))
    for name in ("altup_projections", "altup_unembed_projections"):
        yield from module_list(name)
        yield from (node for index in range(others) for node in linear(f"{name}.{index}", d, d))


FAMILY = Family(
    "gemma3n_text",
    {
        **classes("Gemma3n", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=["ForCausalLM"]),
        **classes("Gemma3nText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    },
    PromptSizes(hidden=2048, layers=35, heads=8, groups=2, head_width=256),
)
