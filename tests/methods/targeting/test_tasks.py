"""What a config's task_type asks of the model: a head that is not a target as well, and a class that generates text.

The values are PEFT's; tests/peft/test_unusual_configs.py compares every class with every task.
"""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.analysis.count.remarks import notes_of
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 40}


def count(model_type: str, architecture: str, **fields: Any) -> ModelCount:
    """Count a config of LoRA on a class of a small model."""
    config = Config({"model_type": model_type, "architectures": [architecture], **SIZES}, "config.json")
    read, _ = read_adapter_config(Config({"peft_type": "LORA", **fields}))
    return count_model(read_config(config, "small"), read)


@pytest.mark.parametrize("targets", ["all-linear", ["query", "classifier"]], ids=str)
def test_the_head_of_token_classification_cannot_be_a_target(targets: Any) -> None:
    """PEFT adapts it first, and cannot copy it then; it leaves out the head of SEQ_CLS."""
    with pytest.raises(InvalidInput, match=r"'classifier', which is adapted too.*exclude_modules"):
        count("bert", "BertForTokenClassification", task_type="TOKEN_CLS", target_modules=targets)
    left_out = {"target_modules": targets, "exclude_modules": ["classifier"]}
    assert count("bert", "BertForTokenClassification", task_type="TOKEN_CLS", **left_out).full_copy_params == 34
    assert count("bert", "BertForSequenceClassification", task_type="SEQ_CLS", target_modules=targets).full_copy_params


@pytest.mark.parametrize("task", ["CAUSAL_LM", "SEQ_2_SEQ_LM"])
@pytest.mark.parametrize("architecture", ["BertForMaskedLM", "BertModel"])
def test_a_task_of_generation_needs_a_class_that_generates(architecture: str, task: str) -> None:
    """PEFT asks for prepare_inputs_for_generation."""
    with pytest.raises(InvalidInput, match=f"task_type {task} needs a model that generates text"):
        count("bert", architecture, task_type=task, target_modules=["query"])
    assert count("bert", "BertLMHeadModel", task_type=task, target_modules=["query"]).adapted_modules == 2


@pytest.mark.parametrize(
    ("start", "function"),
    [("corda", "preprocess_corda"), ("lora_ga", "preprocess_loraga"), ("eva", "initialize_lora_eva_weights")],
)
def test_a_start_that_data_prepare_is_counted_as_after_that(start: str, function: str) -> None:
    """A note names the function that PEFT has for it."""
    cost = count("bert", "BertModel", init_lora_weights=start, target_modules=["query"])
    assert cost.trainable_params == count("bert", "BertModel", target_modules=["query"]).trainable_params
    assert [function in note for note in notes_of(cost)] == [True]


def test_a_task_without_its_head_in_the_model_has_a_note() -> None:
    """PEFT trains none then, silently, as where a config on the Hub names the class that generates."""
    fields = {"task_type": "SEQ_CLS", "target_modules": ["q_proj"]}
    notes = [note for note in notes_of(count("llama", "LlamaForCausalLM", **fields)) if "no head" in note]
    assert [note.partition(",")[0] for note in notes] == ["task_type SEQ_CLS trains no head"]
    headed = count("llama", "LlamaForSequenceClassification", **fields)
    assert headed.full_copy_params == 32
    assert not [note for note in notes_of(headed) if "no head" in note]


def test_heads_that_the_task_does_not_have_are_told_only_where_none_matched() -> None:
    """PEFT writes every name of the task's head into modules_to_save; by hand, a head is 2 x 16 + 2."""
    heads = {"target_modules": ["query"], "modules_to_save": ["classifier", "score"]}
    found = count("bert", "BertForSequenceClassification", task_type="SEQ_CLS", **heads)
    assert (found.full_copy_params, found.unmatched) == (34, ())
    assert count("bert", "BertForSequenceClassification", **heads).unmatched == ("modules_to_save 'score'",)
    headless = count("bert", "BertModel", task_type="SEQ_CLS", **heads)
    assert headless.unmatched == ("modules_to_save 'classifier'", "modules_to_save 'score'")
    stray = count(
        "bert", "BertForSequenceClassification", task_type="SEQ_CLS", **heads | {"modules_to_save": ["score", "hed"]}
    )
    assert stray.unmatched == ("modules_to_save 'hed'",)
