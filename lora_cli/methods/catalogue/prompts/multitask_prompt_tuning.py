"""Multitask prompt tuning: a prompt that all tasks share, and a low-rank factor for each task.

Wang et al., "Multitask Prompt Tuning Enables Parameter-Efficient Transfer Learning", arXiv:2303.02861,
section 3.1; `peft.tuners.multitask_prompt_tuning.MultitaskPromptEmbedding`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import Written, ignored, size, text
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method
from lora_cli.methods.parts.initialised_prompt import InitialisedSettings, embedded_tokens
from lora_cli.methods.parts.virtual_tokens import COMMON, prompt
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model

FROM_SOURCE = ("AVERAGE_SOURCE_TASKS", "EXACT_SOURCE_TASK", "ONLY_SOURCE_SHARED")


@dataclass(frozen=True, slots=True)
class Settings(InitialisedSettings):
    """Multitask prompt tuning's own fields."""

    prompt_tuning_init_state_dict_path: Annotated[str | None, "File of the trained prompt to start from"] = text(None)
    prompt_tuning_init_task: Annotated[
        object, "Number of the task in that file, for EXACT_SOURCE_TASK", Written("integer", 0)
    ] = ignored()
    num_ranks: Annotated[int, "Rank of the factor of each task"] = size(1, least=0)
    num_tasks: Annotated[int, "Number of tasks"] = size(1, least=0)

    def __post_init__(self) -> None:
        """Refuse to start from a source's tasks without the file that holds them."""
        InitialisedSettings.__post_init__(self)
        if self.prompt_tuning_init in FROM_SOURCE and self.prompt_tuning_init_state_dict_path is None:
            raise InvalidInput(
                f"prompt_tuning_init {quote(self.prompt_tuning_init)} needs a prompt_tuning_init_state_dict_path; give one"
            )


def virtual(model: Model, own: Settings, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the shared tokens, and for each task and rank a column with a value per token and a row as wide as a token."""
    sizes = prompt(model, own, config)
    yield embedded_tokens(model, own, config)
    yield parameter("prefix_task_cols", own.num_tasks, sizes.all_tokens, own.num_ranks)
    yield parameter("prefix_task_rows", own.num_tasks, own.num_ranks, sizes.width)


METHOD = Method(
    name="multitask_prompt_tuning",
    title="Multitask Prompt Tuning Enables Parameter-Efficient Transfer Learning",
    arxiv="2303.02861",
    formula="num_virtual_tokens * hidden_size + num_tasks * num_ranks * (num_virtual_tokens + hidden_size)",
    settings=Settings,
    prompt_tensors=virtual,
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    knob_values=numbers,
)
