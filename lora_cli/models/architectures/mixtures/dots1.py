"""dots.llm1: `transformers.models.dots1`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.decoder_pass import head_norms, rotated
from lora_cli.models.parts.experts import dense_first, experts_with_shared, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import layer_windows, optional_window
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import experts_beside_shared, windowed_body

hidden = size("hidden_size", 4608)
vocabulary = size("vocab_size", 152064)


def body(config: Config) -> Nodes:
    """Build `Dots1Model`, whose class has no default for the number of experts."""
    d = hidden(config)
    return mixed_decoder(
        vocabulary(config),
        d,
        dense_first(config, config.layers("num_hidden_layers", default=62), dense=0),
        attention_with_head_norms(config, d, heads(config, d, count=32, groups=32)),
        experts=experts_with_shared(config, d, count=0, inner=1408, shared=0),
        dense=gated(d, config.size("intermediate_size", default=10944)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Dots1Model`, whose layers have a window from `max_window_layers` on."""
    layers = config.layers("num_hidden_layers", default=62)
    window, first = optional_window(config, 4096), config.number("max_window_layers", default=62)
    return windowed_body(
        config,
        rotated(heads(config, hidden(config), count=32, groups=32), config)._replace(norms=head_norms()),
        layer_windows(config, layers, window, lambda index: window is not None and index >= first),
        dense_first(config, layers, dense=0),
        experts_beside_shared(config, groups=1, normed=False),
    )


FAMILY = Family(
    "dots1",
    classes("Dots1", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=4608, layers=62, heads=32, groups=32),
    required=("n_routed_experts", "n_shared_experts"),
    forward=forward,
)
