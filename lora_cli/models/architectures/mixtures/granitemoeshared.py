"""Granite with experts of which one is shared: `transformers.models.granitemoeshared`."""

from __future__ import annotations

from lora_cli.models.architectures.mixtures import granitemoe
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.layers import Nodes, hollow, linear, under


def body(config: Config) -> Nodes:
    """Build `GraniteMoeSharedModel`: Granite's, and in each layer a feed-forward that every token takes."""
    d = granitemoe.hidden(config)
    inner = config.number("shared_intermediate_size", default=0)
    if not inner:
        return granitemoe.body(config)
    parts = hollow("activation"), linear("input_linear", d, 2 * inner), linear("output_linear", inner, d)
    return granitemoe.body(config, [*under("shared_mlp", *parts)])


FAMILY = Family(
    "granitemoeshared",
    classes("GraniteMoeShared", body, hidden=granitemoe.hidden, vocabulary=granitemoe.vocabulary, tasks=TASKS[:2]),
    granitemoe.FAMILY.sizes,
)
