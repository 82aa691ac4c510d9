"""Command A and Command R7B: `transformers.models.cohere2`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.architectures.decoders.layer_norm import cohere
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import SEES_ALL, rotated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import all_but_every, layer_windows, optional_window
from lora_cli.models.parts.layers import Nodes


def body(config: Config) -> Nodes:
    """Build `Cohere2Model`, which has no norms on q and k."""
    return cohere.of_norms(config, head_norms=False)


def forward(config: Config) -> Body:
    """Describe the pass through `Cohere2Model`, in which layers without a window have no positions."""
    attention = rotated(heads(config, cohere.hidden(config), count=64), config)._replace(rotary_kind="float_pairs")
    layers, pattern = config.layers("num_hidden_layers", default=40), config.size("sliding_window_pattern", default=4)
    windows = layer_windows(config, layers, optional_window(config, 4096), all_but_every(pattern))
    attentions = [
        attention._replace(window=window, rotary=0 if window is None else attention.rotary) for window in windows
    ]
    return cohere.of_attentions(config, attentions)._replace(reaches=SEES_ALL)


FAMILY = Family(
    "cohere2",
    classes(
        "Cohere2", body, hidden=cohere.hidden, vocabulary=cohere.vocabulary, tied_by_default=True, tasks=cohere.TASKS
    ),
    replace(cohere.FAMILY.sizes, head_width="shared"),
    forward=forward,
    heads=cohere.HEADS,
)
