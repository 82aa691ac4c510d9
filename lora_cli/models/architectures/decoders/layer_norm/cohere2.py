"""Command A and Command R7B: `transformers.models.cohere2`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.architectures.decoders.layer_norm import cohere
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.layers import Nodes


def body(config: Config) -> Nodes:
    """Build `Cohere2Model`, which has no norms on q and k."""
    return cohere.of_norms(config, head_norms=False)


FAMILY = Family(
    "cohere2",
    classes(
        "Cohere2", body, hidden=cohere.hidden, vocabulary=cohere.vocabulary, tied_by_default=True, tasks=cohere.TASKS
    ),
    replace(cohere.FAMILY.sizes, head_width="shared"),
)
