"""Modules that share a weight with the embeddings: `ensure_weight_tying`, in figures of PEFT 0.21.2."""

from __future__ import annotations

from typing import Any

import pytest
from lora_counts import FULL, FULL_TIED, LLAMA, PLAIN, TIED, figures, refusal


@pytest.mark.parametrize(
    ("saved", "ensured", "trained"),
    [
        (["embed_tokens"], False, PLAIN + 6400),
        (["embed_tokens", "lm_head"], False, PLAIN + 2 * 6400),
        (["embed_tokens", "lm_head"], True, PLAIN + 6400),
        (["lm_head"], True, PLAIN + 6400),
    ],
)
def test_tied_modules_share_one_copy_where_that_is_ensured(saved: list[str], ensured: bool, trained: int) -> None:
    """Whichever of them is named; otherwise each has its own."""
    found = figures(TIED, modules_to_save=saved, ensure_weight_tying=ensured)
    assert found == (trained, FULL_TIED + trained, 4)


@pytest.mark.parametrize(
    ("fields", "trained", "adapted"),
    [
        ({"target_modules": ["q_proj", "lm_head"], "ensure_weight_tying": False}, 5408, 5),
        ({"target_modules": ["q_proj", "lm_head"]}, 6720, 6),
        ({"target_modules": ["q_proj", "embed_tokens"], "exclude_modules": ["lm_head"]}, 6720, 6),
        ({"target_modules": ".*(q_proj|lm_head)"}, 6720, 6),
        ({"target_modules": ["q_proj", "lm_head"], "rank_pattern": {"lm_head": 2, "embed_tokens": 4}}, 5408, 6),
        ({"target_modules": ["q_proj"]}, PLAIN, 4),
    ],
)
def test_tied_modules_are_adapted_as_the_embeddings_are(fields: dict[str, Any], trained: int, adapted: int) -> None:
    """At their rank; PEFT counts both adapters, though the one starts as the other transposed."""
    assert figures(TIED, **{"ensure_weight_tying": True} | fields) == (trained, FULL_TIED + trained, adapted)


def test_a_start_of_its_own_keeps_the_rank_of_a_tied_module() -> None:
    """PiSSA fills A and B anew, with the two ranks of the pattern: 4 and 2 where they were 4 and 4."""
    fields = {"target_modules": ["q_proj", "lm_head"], "rank_pattern": {"lm_head": 2, "embed_tokens": 4}}
    start = {"init_lora_weights": "pissa", "ensure_weight_tying": True}
    assert figures(TIED, **fields, **start)[0] == PLAIN + (4 + 2) * (100 + 64)


def test_without_tied_modules_there_is_nothing_to_ensure() -> None:
    """The head is adapted alone."""
    found = figures(LLAMA, target_modules=["q_proj", "lm_head"], ensure_weight_tying=True)
    assert found == (5408, FULL + 5408, 5)


def test_embeddings_that_are_excluded_cannot_lead_their_ties() -> None:
    """PEFT finds no adapter to follow."""
    fields = {"target_modules": ["q_proj", "lm_head"], "exclude_modules": ["embed_tokens"]}
    assert "ensure_weight_tying" in refusal(TIED, ensure_weight_tying=True, **fields)


def test_other_rows_for_tied_modules_cannot_be_ensured() -> None:
    """PEFT names both."""
    tokens = {"embed_tokens": [0, 1, 5], "lm_head": [0, 1]}
    assert "'embed_tokens' and 'lm_head'" in refusal(TIED, trainable_token_indices=tokens, ensure_weight_tying=True)
