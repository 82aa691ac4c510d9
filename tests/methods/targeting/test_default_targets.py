"""What PEFT targets when a config names nothing."""

from __future__ import annotations

import pytest
from small_models import leaves, model, names

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config


@pytest.mark.parametrize(
    ("model_type", "found"),
    [
        ("llama", {"q_proj", "v_proj"}),
        ("gpt2", {"c_attn"}),
        ("bert", {"query", "value"}),
        ("t5", {"q", "v"}),
        ("bloom", {"query_key_value"}),
        ("phi", {"q_proj", "v_proj", "fc1", "fc2"}),
    ],
)
def test_without_a_target_peft_knows_one_by_model_type(model_type: str, found: set[str]) -> None:
    """Its own table."""
    assert leaves(model(model_type)) == found


def test_a_mixture_has_no_default_targets() -> None:
    """PEFT rewrites a mixture's targets before it looks up the default, and finds none then."""
    with pytest.raises(InvalidInput, match="targets here are k_proj"):
        names(model("mixtral"))


@pytest.mark.parametrize(("model_type", "offered"), [("vit", "q_proj"), ("whisper", "q_proj"), ("phi3", "qkv_proj")])
def test_a_model_type_without_defaults_is_refused(model_type: str, offered: str) -> None:
    """The sentence offers what could be targeted."""
    with pytest.raises(InvalidInput, match=f"no default targets for .*, of model type '{model_type}'.*{offered}"):
        names(model(model_type))


def test_layers_are_not_chosen_where_the_default_is_a_regular_expression() -> None:
    """PEFT refuses layers only beside a text that was given, and one that it takes itself matches whole names."""
    gemma = read_config(Config({"model_type": "gemma4", "architectures": ["Gemma4Model"]}), "gemma4")
    assert names(gemma, layers_to_transform=[1]) == names(gemma)
