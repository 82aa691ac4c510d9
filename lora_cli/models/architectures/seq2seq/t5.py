"""T5 and Flan-T5: `transformers.models.t5`. mT5 is T5 with other defaults."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.kin.t5 import Sizes, classes, sizes
from lora_cli.models.parts.passes.class_heads import Dense, Head, Scaled
from lora_cli.models.parts.passes.t5_pass import passes


def t5_sizes(config: Config) -> Sizes:
    """Return the sizes of a config, with T5's defaults."""
    return sizes(config, vocabulary=32128, inner=2048, heads=8, layers=6, feed_forward="relu")


def _words(config: Config) -> Head:
    scaled = config.flag("scale_decoder_outputs", "tie_word_embeddings", default=True)
    return Head((Scaled(), Dense()) if scaled else (Dense(),), "masked")


HEADS = {"ForConditionalGeneration": _words}

FAMILY = Family(
    "t5",
    classes("T5", t5_sizes),
    PromptSizes(hidden=512, layers=6, heads=8),
    forward=passes(t5_sizes, "relu"),
    heads=HEADS,
)
