"""UMT5: `transformers.models.umt5`, which is mT5 with positions in every block."""

from __future__ import annotations

from lora_cli.models.architectures.seq2seq.mt5 import FAMILY as MT5
from lora_cli.models.architectures.seq2seq.mt5 import mt5_sizes
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.t5 import Sizes, classes


def umt5_sizes(config: Config) -> Sizes:
    """Return the sizes of a config."""
    return mt5_sizes(config)._replace(every_block=True)


FAMILY = Family("umt5", classes("UMT5", umt5_sizes), MT5.sizes)
