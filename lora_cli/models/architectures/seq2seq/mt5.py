"""mT5: `transformers.models.mt5`, which is T5 with other defaults."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.kin.t5 import Sizes, classes, sizes
from lora_cli.models.parts.passes.class_heads import Dense, Head
from lora_cli.models.parts.passes.t5_pass import passes


def mt5_sizes(config: Config) -> Sizes:
    """Return the sizes of a config, with mT5's defaults."""
    return sizes(config, vocabulary=250112, inner=1024, heads=6, layers=8, feed_forward="gated-gelu")


FAMILY = Family(
    "mt5",
    classes("MT5", mt5_sizes),
    PromptSizes(hidden=512, layers=8, heads=6),
    forward=passes(mt5_sizes, "gated-gelu"),
    heads={"ForConditionalGeneration": lambda _: Head((Dense(),), "masked")},
)
