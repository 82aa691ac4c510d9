"""Granite 3, dense: `transformers.models.granite`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import llama
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import classes

# Every name, size and default is Llama's; what Granite adds are multipliers.
TASKS = ("ForCausalLM", "Model")
FAMILY = Family(
    "granite",
    classes("Granite", llama.body, hidden=llama.hidden, vocabulary=llama.vocabulary, tasks=TASKS),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
)
