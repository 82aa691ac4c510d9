"""adapter_config.json: PEFT's fields with its defaults; what is wrong or beyond us is refused by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from small_llama import llama

from lora_cli.analysis.count.model_count import count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import EVERYWHERE, AdapterConfig
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

SMALL = llama()


def read(**fields: Any) -> AdapterConfig:
    """Return the config of these fields, all of which are known."""
    config, unknown = read_adapter_config(Config({"peft_type": "LORA"} | fields, "adapter_config.json"))
    assert unknown == []
    return config


def refusal(**fields: Any) -> str:
    """Return the sentence that refuses these fields, here or where they meet a model."""
    with pytest.raises(InvalidInput) as caught:
        count_model(read_config(Config(SMALL), "small"), read(**fields))
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 400
    return sentence


def test_an_empty_object_is_pefts_default() -> None:
    """Rank 8 on whatever PEFT targets by default."""
    assert read() == AdapterConfig()
    assert (read().r, read().target_modules, read().bias) == (8, None, "none")


def test_nulls_are_defaults() -> None:
    """PEFT writes every field, most of them null."""
    nulls = ("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save")
    assert (
        read(**dict.fromkeys((*nulls, "target_parameters", "trainable_token_indices", "task_type"))) == AdapterConfig()
    )


def test_fields_that_change_no_count_are_accepted() -> None:
    """Whatever they hold."""
    names = EVERYWHERE - {"peft_type", "task_type"} | {"megatron_core", "qalora_group_size", "runtime_config"}
    assert read(**dict.fromkeys(names, 16)) == AdapterConfig()


def test_the_forms_of_each_field_are_read() -> None:
    """A single name or number where PEFT takes one, and lists in their order."""
    assert read(target_modules="all-linear").target_modules == "all-linear"
    assert read(target_modules=["v_proj", "q_proj"]).target_modules == ("v_proj", "q_proj")
    assert read(target_modules=[]).target_modules == ()
    assert read(exclude_modules=".*", target_modules=["a"]).exclude_modules == ".*"
    assert read(layers_to_transform=3).layers_to_transform == (3,)
    assert read(layers_to_transform=[3, 1], layers_pattern="h").layers_pattern == ("h",)
    assert list(read(rank_pattern={"b": 2, "a": 1}).rank_pattern.items()) == [("b", 2), ("a", 1)]
    assert read(trainable_token_indices=[5, 7]).trainable_token_indices == {"": (5, 7)}
    assert read(trainable_token_indices={"wte": [5]}).trainable_token_indices == {"wte": (5,)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("r", value) for value in (0, -1, "8", 8.0, True, [8], 2**31, 10**4000)),
        *(("target_modules", value) for value in (5, True, ["q_proj", 1], [["q_proj"]])),
        *(("exclude_modules", value) for value in (5, [None])),
        *(("layers_to_transform", value) for value in ("1", 1.0, [1.5], ["1"], {"1": 1}, [None])),
        *(("layers_pattern", value) for value in (5, [5])),
        *(("rank_pattern", value) for value in (3, ["q_proj"], "q_proj", {"q_proj": 0}, {"q_proj": "8"})),
        *(("alpha_pattern", value) for value in (None, 3, {"q_proj": None}, {"q_proj": "8"})),
        *(("rank_pattern", value) for value in ({"q_proj": -1}, {"q_proj": 2.0}, {"q_proj": True}, {"q_proj": None})),
        *(("modules_to_save", value) for value in (5, [5])),
        *(("target_parameters", value) for value in (5, [5])),
        *(("trainable_token_indices", value) for value in ("5", ["5"], [1.5], [True], {"wte": None}, {"wte": ["a"]})),
        *(("bias", value) for value in ("some", True, 3, "")),
        *(("lora_bias", value) for value in (1, "true", [])),
        *(("use_dora", value) for value in (1, "true", [])),
        *(("fan_in_fan_out", value) for value in (1, "true")),
        *(("lora_dropout", value) for value in ("0.1", True, [0.1], float("nan"))),
        *(("task_type", value) for value in (7, ["CAUSAL_LM"])),
        *(("peft_type", value) for value in (7, ["LORA"], True)),
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) else None,
)
def test_a_wrong_value_is_refused_by_name(field: str, value: object) -> None:
    """The sentence has the field."""
    assert field in refusal(**{"target_modules": ["q_proj"]} | {field: value})


@pytest.mark.parametrize("key", ["\x1b[31m", "q" * 10**5, "a\nb", "é"], ids=lambda key: ascii(key[:8]))
@pytest.mark.parametrize(("field", "value"), [("rank_pattern", 0), ("trainable_token_indices", ["x"])])
def test_a_hostile_key_is_shown_short_and_harmless(field: str, key: str, value: object) -> None:
    """A key is data from a file, like a value; that of a pattern is shown where it matches."""
    key = f".*q_proj|{re.escape(key)}" if field == "rank_pattern" else key
    assert field in refusal(target_modules=["q_proj"], **{field: {key: value}})


@pytest.mark.parametrize("indices", [[100], [10**9], {"embed_tokens": [3, 100]}, [-101]])
def test_a_token_that_the_embedding_has_not_is_refused(indices: object) -> None:
    """The vocabulary has 100; PEFT raises an IndexError."""
    assert "trainable_token_indices" in refusal(target_modules=["q_proj"], trainable_token_indices=indices)


def test_a_dropout_over_1_is_refused() -> None:
    """Torch has no such probability."""
    assert "lora_dropout" in refusal(target_modules=["q_proj"], lora_dropout=1.5)


def test_a_text_for_modules_to_save_is_its_letters() -> None:
    """PEFT reads it letter by letter, and trains whatever ends with one of them, which a remark says."""
    config = read(target_modules=["q_proj"], modules_to_save="lm_head")
    assert config.modules_to_save == tuple("lm_head")
    assert "modules_to_save is the text 'lm_head'" in config.remarks[0]
    assert read(modules_to_save="").remarks == ()


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"rank_pattern": {"x": 0}}, {}),
        ({"rank_pattern": {"x": None, "y": "a"}}, {}),
        ({"alpha_pattern": {"x": None}}, {}),
        ({"layers_to_transform": [True]}, {"layers_to_transform": [1]}),
        ({"layers_to_transform": True}, {"layers_to_transform": [1]}),
        ({"layers_to_transform": [1.0]}, {"layers_to_transform": [1]}),
        ({"layers_pattern": ""}, {}),
        ({"layers_pattern": "", "layers_to_transform": [0]}, {"layers_to_transform": [0]}),
        ({"target_modules": {"q_proj": 1}}, {"target_modules": ["q_proj"]}),
        ({"modules_to_save": {"lm_head": 1}}, {"modules_to_save": ["lm_head"]}),
        ({"layer_replication": [[0, True]]}, {"layer_replication": [[0, 1]]}),
    ],
    ids=str,
)
def test_what_peft_takes_as_something_else(fields: dict[str, Any], same: dict[str, Any]) -> None:
    """A value that no name reads, and Python's ways to say 1 or nothing; PEFT 0.21.2 on a real tiny model agrees."""
    model = read_config(Config(SMALL), "small")
    assert count_model(model, read(**fields)).record() == count_model(model, read(**same)).record()


def test_a_config_without_a_peft_type() -> None:
    """PEFT does not load it; one that holds only targets is counted, with a remark, and that of mlx-lm is named."""
    config, _ = read_adapter_config(Config({"target_modules": ["q_proj"]}, "it"))
    assert config == read(target_modules=["q_proj"])
    assert "it has no peft_type" in config.remarks[0]
    assert read_adapter_config(Config({"r": 4}, "it"), "hra")[0].method == "hra"
    with pytest.raises(InvalidInput, match="it has no peft_type, so PEFT refuses it; add it"):
        read_adapter_config(Config({"r": 4, "target_modules": ["q_proj"]}, "it"))
    with pytest.raises(InvalidInput, match="it is a config of mlx-lm"):
        read_adapter_config(Config({"fine_tune_type": "lora", "lora_parameters": {"rank": 16}}, "it"))


@pytest.mark.parametrize("field", ["arrow_config", "megatron_config"])
def test_what_a_hugging_face_model_has_no_place_for_is_refused(field: str) -> None:
    """Arrow routes between trained adapters, and Megatron has layers of its own; without a value, the field is read."""
    assert field in refusal(target_modules=["q_proj"], **{field: {"any": 1}})
    assert read(target_modules=["q_proj"], **{field: None}).r == 8


def test_fields_that_nobody_knows_are_named() -> None:
    """In order, and the rest is read."""
    config, unknown = read_adapter_config(Config({"peft_type": "LORA", "r": 4, "zeta": 1, "alpha": 2, "\x1b": 3}))
    assert (config.r, unknown) == (4, ["\x1b", "alpha", "zeta"])


@pytest.mark.parametrize("peft_type", ["IA4", "lora", "", "\x1b[31m", "x" * 5000])
def test_another_method_is_refused(peft_type: str) -> None:
    """With its name, short and harmless."""
    assert "peft_type" in refusal(peft_type=peft_type)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"target_modules": ".*", "layers_to_transform": [1]}, "layers_to_transform needs target_modules to be a list"),
        ({"target_modules": ".*", "layers_pattern": ["h"]}, "layers_pattern needs target_modules to be a list"),
        ({"target_modules": ["q_proj"], "layers_pattern": ["h"]}, "layers_pattern needs layers_to_transform"),
        ({"target_modules": ["q_proj"], "lora_bias": True, "use_dora": True}, "lora_bias conflicts with use_dora"),
        ({"target_modules": ["q_proj"], "bias": "every"}, "none, all, lora_only"),
        ({"target_modules": ["embed_tokens"], "lora_bias": True}, "lora_bias cannot adapt an embedding"),
    ],
)
def test_what_peft_refuses_is_refused(fields: dict[str, Any], reason: str) -> None:
    """With its reason in our words."""
    assert reason in refusal(**fields)


@pytest.mark.parametrize(("task", "heads"), [("SEQ_CLS", 2), ("TOKEN_CLS", 2), ("QUESTION_ANS", 1), ("CAUSAL_LM", 0)])
def test_a_task_saves_its_heads(task: str, heads: int) -> None:
    """Behind those that are named."""
    names = read(task_type=task, modules_to_save=["lm_head"]).full_copy_names
    assert names[0] == "lm_head"
    assert len(names) == 1 + heads
