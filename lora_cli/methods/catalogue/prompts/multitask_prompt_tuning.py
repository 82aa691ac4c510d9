"""Multitask prompt tuning: a prompt that all tasks share, and a low-rank factor for each task.

Wang et al., "Multitask Prompt Tuning Enables Parameter-Efficient Transfer Learning", arXiv:2303.02861,
section 3.1; `peft.tuners.multitask_prompt_tuning.MultitaskPromptEmbedding`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.catalogue.prompts.prompt_tuning import START_FIELDS
from lora_cli.methods.catalogue.prompts.prompt_tuning import check as check_start
from lora_cli.methods.catalogue.prompts.prompt_tuning import virtual as tokens
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method, Settings, ignored, size, text
from lora_cli.methods.parts.virtual_tokens import COMMON, FIELDS, prompt
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model

FROM_SOURCE = ("AVERAGE_SOURCE_TASKS", "EXACT_SOURCE_TASK", "ONLY_SOURCE_SHARED")


def virtual(model: Model, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the shared tokens, and per task and rank a column of as many values as tokens and a row as wide as one."""
    sizes, own = prompt(model, config), config.settings
    yield from tokens(model, config)
    yield parameter("prefix_task_cols", own.num_tasks, sizes.all_tokens, own.num_ranks)
    yield parameter("prefix_task_rows", own.num_tasks, own.num_ranks, sizes.width)


def check(own: Settings) -> None:
    """Refuse a start from a source's tasks without the file that holds them."""
    check_start(own)
    if own.prompt_tuning_init in FROM_SOURCE and own.prompt_tuning_init_state_dict_path is None:
        raise InvalidInput(
            f"prompt_tuning_init {quote(own.prompt_tuning_init)} needs a prompt_tuning_init_state_dict_path; give one"
        )


METHOD = Method(
    name="multitask_prompt_tuning",
    title="Multitask Prompt Tuning Enables Parameter-Efficient Transfer Learning",
    arxiv="2303.02861",
    formula="num_virtual_tokens * hidden_size + num_tasks * num_ranks * (num_virtual_tokens + hidden_size)",
    prompt_tensors=virtual,
    fields=FIELDS
    | START_FIELDS
    | {
        "prompt_tuning_init_state_dict_path": text(None),
        "prompt_tuning_init_task": ignored,
        "num_ranks": size(1, least=0),
        "num_tasks": size(1, least=0),
    },
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    check_settings=check,
    knob_values=numbers,
)
