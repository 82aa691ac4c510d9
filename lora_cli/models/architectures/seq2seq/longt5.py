"""LongT5: `transformers.models.longt5`, which is T5 with other attention in its encoder."""

from __future__ import annotations

from lora_cli.models.architectures.seq2seq.t5 import FAMILY as T5
from lora_cli.models.architectures.seq2seq.t5 import t5_sizes
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.t5 import GLOBAL, Sizes, classes

ATTENTION = {"local": "LocalSelfAttention", "transient-global": GLOBAL}


def longt5_sizes(config: Config) -> Sizes:
    """Return the sizes of a config."""
    kind = config.text("encoder_attention_type", default="local")
    if kind not in ATTENTION:
        raise config.wrong("encoder_attention_type", " or ".join(ATTENTION))
    return t5_sizes(config)._replace(attention=ATTENTION[kind])


BUILT = ("LongT5ForConditionalGeneration", "LongT5Model", "LongT5EncoderModel")
FAMILY = Family(
    "longt5", {name: build for name, build in classes("LongT5", longt5_sizes).items() if name in BUILT}, T5.sizes
)
