"""A prompt of trained embeddings and the ways to initialise it.

`peft.tuners.prompt_tuning`: `PromptTuningConfig`, `PromptEmbedding`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import Written, ignored, text
from lora_cli.methods.parts.virtual_tokens import KEY, PromptSettings, prompt, word_embeddings
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model

FROM_WORDS = ("TEXT", "SAMPLE_VOCAB")


@dataclass(frozen=True, slots=True)
class InitialisedSettings(PromptSettings):
    """The fields of `PromptTuningConfig`."""

    prompt_tuning_init: Annotated[str, "What the prompt starts from, such as RANDOM, TEXT or SAMPLE_VOCAB"] = text(
        "RANDOM"
    )
    prompt_tuning_init_text: Annotated[str | None, "Text that the prompt starts from, for TEXT"] = text(None)
    tokenizer_name_or_path: Annotated[str | None, "Tokenizer of prompt_tuning_init_text"] = text(None)
    tokenizer_kwargs: Annotated[object, "Arguments for loading the tokenizer", Written("object")] = ignored()

    def __post_init__(self) -> None:
        """Refuse what `PromptTuningConfig` refuses."""
        is_text = self.prompt_tuning_init == "TEXT"
        if is_text and (not self.tokenizer_name_or_path or self.prompt_tuning_init_text is None):
            raise InvalidInput(
                "prompt_tuning_init 'TEXT' needs a prompt_tuning_init_text and a tokenizer_name_or_path; give both"
            )
        if self.tokenizer_kwargs and not is_text:
            raise InvalidInput("tokenizer_kwargs only goes with prompt_tuning_init 'TEXT'; leave it out")


def embedded_tokens(model: Model, own: InitialisedSettings, config: AdapterConfig) -> Tensor:
    """Return the tokens, as wide as the hidden size or as the word embeddings that they start from."""
    sizes, start = prompt(model, own, config), own.prompt_tuning_init
    width = word_embeddings(model, f"prompt_tuning_init {start}")[1] if start in FROM_WORDS else sizes.width
    return parameter(KEY, sizes.all_tokens, width)
