"""CamemBERT: `transformers.models.camembert`, which is RoBERTa with other defaults."""

from __future__ import annotations

from lora_cli.models.architectures.encoders.roberta import FAMILY as ROBERTA
from lora_cli.models.architectures.encoders.roberta import classes
from lora_cli.models.family import Family

FAMILY = Family("camembert", classes("Camembert"), ROBERTA.sizes, forward=ROBERTA.forward, heads=ROBERTA.heads)
