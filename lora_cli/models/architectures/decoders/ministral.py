"""Ministral 8B: `transformers.models.ministral`, whose modules are those of Mistral."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.architectures.decoders import mistral
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes

FAMILY = Family(
    "ministral",
    classes(
        "Ministral", mistral.body, hidden=mistral.hidden, vocabulary=mistral.vocabulary, questions_prefix="transformer"
    ),
    replace(mistral.FAMILY.sizes, head_width=None),
    required=("head_dim",),
)
