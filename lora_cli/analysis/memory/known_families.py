"""Which models have a replay."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.errors import InvalidInput
from lora_cli.models.model import Model

# Some of the model types, one of each kind.
EXAMPLES = ("llama", "qwen3", "gemma3", "mixtral", "gpt2", "bert", "t5", "vit")


def check_family(model: Model) -> None:
    """Refuse a model whose family has no replay, before anything else is asked of whoever wants its memory."""
    try:
        Setup(model, None)
    except InvalidInput as error:
        raise InvalidInput(f"{error}; it is of other types, such as {', '.join(EXAMPLES)}") from error
