"""Granite 3, dense: `transformers.models.granite`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import llama
from lora_cli.models.parts.decoder import classes

# Every name, size and default is Llama's; what Granite adds are multipliers.
TASKS = ("ForCausalLM", "Model")
CLASSES = {
    "granite": classes("Granite", llama.body, hidden=llama.hidden, vocabulary=llama.vocabulary, tasks=TASKS),
}
