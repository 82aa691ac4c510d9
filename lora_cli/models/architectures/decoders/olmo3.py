"""OLMo 3: `transformers.models.olmo3`, whose modules are those of OLMo 2."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import olmo2
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes

FAMILY = Family(
    "olmo3",
    classes("Olmo3", olmo2.body, hidden=olmo2.hidden, vocabulary=olmo2.vocabulary, tasks=olmo2.TASKS),
    olmo2.FAMILY.sizes,
)
