"""Rows of an embedding that are trained one by one."""

from __future__ import annotations

import pytest
from lora_counts import LLAMA, PLAIN, TIED, figures, refusal
from lora_counts import cost as lora_cost
from small_models import cost


@pytest.mark.parametrize("entry", ["embed_tokens", ""])
def test_rows_of_an_embedding_are_trained_one_by_one(entry: str) -> None:
    """Named, or the model's own."""
    plain = cost(target_modules=("q_proj",)).trainable_params
    assert (
        cost(target_modules=("q_proj",), trainable_token_indices={entry: (0, 1, 5)}).trainable_params == plain + 3 * 64
    )


@pytest.mark.parametrize(
    ("tokens", "rows", "rows_untied"),
    [
        ([0, 1, 5], 3, 3),
        ([], 0, 0),
        ({"embed_tokens": [0, 1, 5], "lm_head": [0, 1, 5]}, 3, 6),
        ({"embed_tokens": [0, 1, 5], "lm_head": [0, 1]}, 5, 5),
        ({"lm_head": [0, 1]}, 2, 2),
        ({"embed_tokens": [7], "model.embed_tokens": [1, 2]}, 1, 1),
    ],
)
def test_rows_of_tied_modules_are_trained_once(tokens: object, rows: int, rows_untied: int) -> None:
    """Where they are the same rows; a module that is named twice keeps the first."""
    assert figures(TIED, trainable_token_indices=tokens)[0] == PLAIN + 64 * rows
    assert figures(LLAMA, trainable_token_indices=tokens)[0] == PLAIN + 64 * rows_untied


def test_rows_cannot_follow_into_a_copied_module() -> None:
    """RoBERTa's decoder is tied with the embeddings, and PEFT looks for it in vain inside the copied head."""
    roberta = {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"], "tie_word_embeddings": True}
    fields = {"target_modules": ["key"], "modules_to_save": ["lm_head"]}
    assert "'lm_head.decoder', which is inside" in refusal(roberta, trainable_token_indices=[1], **fields)


def test_rows_inside_a_copied_module_are_trained_in_each_copy() -> None:
    """Once in BERT's own embedding, twice by a name that the original's has too."""
    bert = {"model_type": "bert", "architectures": ["BertForTokenClassification"], "hidden_size": 64, "vocab_size": 100}
    bert |= {"num_attention_heads": 4, "num_hidden_layers": 1}
    fields = {"target_modules": ["query"], "modules_to_save": ["bert.embeddings"]}
    plain = lora_cost(bert, **fields).trainable_params
    assert lora_cost(bert, trainable_token_indices=[0, 1], **fields).trainable_params == plain + 2 * 64
    assert (
        lora_cost(bert, trainable_token_indices={"word_embeddings": [0, 1]}, **fields).trainable_params
        == plain + 4 * 64
    )
