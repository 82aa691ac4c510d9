"""Configs that few people write: what PEFT takes as something else, tasks against classes, and starts that need data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, PeftConfig, get_peft_model

from lora_cli import InvalidInput

sys.path.insert(0, str(Path(__file__).parent))
import drawn
import methods

SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 40}
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_key_value_heads": 2, **SIZES}
BERT = {"model_type": "bert", "type_vocab_size": 2, **SIZES}
DISTILBERT = {"model_type": "distilbert", "dim": 16, "hidden_dim": 24, "n_layers": 2, "n_heads": 4, "vocab_size": 40}
CLASSES = ("BertForMaskedLM", "BertLMHeadModel", "BertForTokenClassification", "BertForQuestionAnswering", "BertModel")
TASKS = ("SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION")

FIELDS: list[dict[str, Any]] = [
    *({"rank_pattern": {name: rank}} for name in ("x", "q_proj") for rank in (0, None, "a", True, 2.0, -1, 3)),
    *({"alpha_pattern": {name: alpha}} for name in ("x", "q_proj") for alpha in (None, "a", 4)),
    *({"alpha_pattern": pattern} for pattern in (None, [])),
    *({"rank_pattern": pattern} for pattern in (None, [], 5)),
    *({"layers_to_transform": layers} for layers in ([True], True, False, [1.0], ["1"], [None], 1.0, "1", [], 0)),
    *({"layers_pattern": pattern} for pattern in ("", [], "layers")),
    *({"layers_pattern": pattern, "layers_to_transform": [0]} for pattern in ("", [], [""], "layers")),
    *({"layers_pattern": pattern, "target_modules": "all-linear"} for pattern in ("", [])),
    *({"modules_to_save": saved} for saved in ("lm_head", "q", "m", "", {"lm_head": 1}, [1], 5, {})),
    *({"target_modules": names} for names in ([], "", {"q_proj": 1}, [1, "q_proj"], 5)),
    *({"exclude_modules": names} for names in ("", "q_proj", {"q_proj": 1}, [])),
    *({"layer_replication": ranges} for ranges in ([[0, True]], [[0.0, 1.0]], [], [[0, 1, 2]], "")),
    *({"peft_type": "BOFT", "boft_n_butterfly_factor": factor} for factor in (0, -1, None, 2)),
    *({"peft_type": name, field: None} for name in ("LOHA", "LOKR") for field in ("rank_pattern", "alpha_pattern")),
    *({"peft_type": "DELORA", "lambda_pattern": pattern} for pattern in (None, {"x": None})),
]


def compare(model: dict[str, Any], adapter: dict[str, Any]) -> None:
    """Compare our figures, or our refusal, with PEFT's."""
    ours, theirs = methods.ours(model, adapter), methods.theirs(model, adapter)
    if isinstance(theirs, Exception):
        assert isinstance(ours, InvalidInput), theirs
    else:
        assert ours == theirs


@pytest.mark.parametrize("fields", FIELDS, ids=str)
def test_unusual_values(fields: dict[str, Any]) -> None:
    """Both figures and the bytes are PEFT's, and what PEFT refuses is refused."""
    compare(LLAMA, {"peft_type": "LORA", **fields})


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("targets", [None, "all-linear", ["query", "classifier", "qa_outputs"]], ids=str)
@pytest.mark.parametrize("name", CLASSES)
def test_tasks_against_classes(name: str, targets: Any, task: str) -> None:
    """A head cannot be target and copy, but for SEQ_CLS, and text is generated only by some classes."""
    compare(BERT | {"architectures": [name]}, {"peft_type": "LORA", "target_modules": targets, "task_type": task})


@pytest.mark.parametrize("method", ["LOHA", "HRA", "IA3"])
def test_a_head_as_target_of_other_methods(method: str) -> None:
    """It is LoRA's rule in none of its parts."""
    targets = {"target_modules": ["q_lin", "qa_outputs"], "task_type": "QUESTION_ANS"}
    feed_forward = {"feedforward_modules": []} if method == "IA3" else {}
    compare(
        DISTILBERT | {"architectures": ["DistilBertForQuestionAnswering"]},
        {"peft_type": method, **targets, **feed_forward},
    )


def test_corda_is_refused_without_its_preparation() -> None:
    """That is what the note beside our count says; the shapes are those of any start."""
    with pytest.raises(ValueError, match="preprocess_corda"):
        get_peft_model(drawn.build(LLAMA, "cpu"), LoraConfig(init_lora_weights="corda"))


def test_lora_ga_starts_as_plain_lora_without_its_preparation() -> None:
    """It counts the same."""
    compare(LLAMA, {"peft_type": "LORA", "init_lora_weights": "lora_ga"})


@pytest.mark.parametrize("fields", [{}, {"r": 4}, {"fine_tune_type": "lora"}], ids=str)
def test_a_config_without_a_peft_type_is_not_loaded(fields: dict[str, Any], tmp_path: Path) -> None:
    """PEFT looks the class up by that name."""
    (tmp_path / "adapter_config.json").write_text(json.dumps(fields))
    with pytest.raises((KeyError, TypeError)):
        PeftConfig._get_peft_type(str(tmp_path))
