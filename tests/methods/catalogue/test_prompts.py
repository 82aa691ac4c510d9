"""Methods that put prompts before a model's input or its layers, in figures of PEFT 0.21.2 that can be checked by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write
from small_llama import narrow

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.one_matrix import on_one_matrix
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.registry import methods_of
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.sources.read_model import read_model

LLAMA = narrow(architectures=["LlamaForCausalLM"], num_key_value_heads=2)
TOWER = {name: size for name, size in narrow().items() if name != "model_type"}
T5 = {"model_type": "t5", "d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 2, "num_heads": 3, "vocab_size": 50}
CLIP = {"model_type": "clip", "text_config": TOWER, "vision_config": TOWER, "projection_dim": 12}
VIT = {"model_type": "vit"}
DISTILBERT = {"model_type": "distilbert"}


def cost(config: dict[str, Any], method: str, **fields: Any) -> ModelCount:
    """Return the count of a method on a small model, with 5 tokens where it takes them."""
    tokens = {} if method in {"cpt", "adaption_prompt"} else {"num_virtual_tokens": 5}
    return on(read_config(Config(config), "small"), {"peft_type": method.upper(), **tokens, **fields})


def on(model: Model, adapter: dict[str, Any]) -> ModelCount:
    """Return the count of a config on a model."""
    return count_model(model, read_adapter_config(Config(adapter))[0])


@pytest.mark.parametrize(
    ("config", "method", "fields", "figures"),
    [
        (LLAMA, "prompt_tuning", {}, (5 * 16, 5600, 440)),
        (T5, "prompt_tuning", {"task_type": "SEQ_2_SEQ_LM"}, (2 * 5 * 16, 9024, 760)),
        (LLAMA, "prompt_tuning", {"modules_to_save": ["lm_head"]}, (5 * 16 + 50 * 16, 6400, 3728)),
        (CLIP, "prompt_tuning", {}, (5 * 16 + 1, 60401, 440)),
        (LLAMA, "multitask_prompt_tuning", {"num_tasks": 3, "num_ranks": 2}, (5 * 16 + 3 * 2 * (5 + 16), 5726, 1096)),
        (LLAMA, "p_tuning", {"encoder_hidden_size": 8}, (5 * 16 + 17 * 8 + 9 * 8 + 9 * 16, 5952, 440)),
        (
            LLAMA,
            "p_tuning",
            {"encoder_hidden_size": 8, "encoder_reparameterization_type": "LSTM", "encoder_num_layers": 1},
            (5 * 16 + 2 * 4 * 8 * (16 + 8 + 2) + 17 * 16 + 17 * 16, 7808, 440),
        ),
        (LLAMA, "prefix_tuning", {}, (5 * 2 * 2 * 8, 5680, 760)),
        (
            LLAMA,
            "prefix_tuning",
            {"prefix_projection": True, "encoder_hidden_size": 6},
            (5 * 8 + 9 * 6 + 7 * 32, 5838, 760),
        ),
        (T5, "prefix_tuning", {}, (5 * 2 * 2 * 16, 9184, 1400)),
        (LLAMA, "cartridge", {"num_frozen_tokens": 2}, (3 * 2 * 2 * 8, 5680, 760)),
        (LLAMA, "cpt", {"task_type": "CAUSAL_LM", "cpt_token_ids": [1, 2, 3]}, (3 * 16, 5616, 312)),
        (LLAMA, "adaption_prompt", {"adapter_len": 5, "adapter_layers": 1}, (5 * 16 + 1, 5601, 588)),
        (LLAMA, "adaption_prompt", {"adapter_len": 5, "adapter_layers": 0}, (2 * (5 * 16 + 1), 5682, 1144)),
    ],
)
def test_a_prompt_counts_as_peft_counts_it(
    config: dict[str, Any], method: str, fields: dict[str, Any], figures: tuple[int, int, int]
) -> None:
    """Trainable, all and the file's bytes; no module is adapted, and there is no rank."""
    counted = cost(config, method, **fields)
    assert (counted.trainable_params, counted.all_params, counted.adapter_bytes) == figures
    assert (counted.adapted_modules, counted.r) == (0, None)


@pytest.mark.parametrize(
    ("config", "method", "fields", "named"),
    [
        (LLAMA, "prompt_tuning", {"num_virtual_tokens": None}, "num_virtual_tokens"),
        (LLAMA, "prompt_tuning", {"prompt_tuning_init": "TEXT"}, "tokenizer_name_or_path"),
        (LLAMA, "prompt_tuning", {"tokenizer_kwargs": {"use_fast": True}}, "tokenizer_kwargs"),
        (VIT, "prompt_tuning", {}, "vocab_size"),
        (DISTILBERT, "prompt_tuning", {}, "token_dim"),
        (LLAMA, "multitask_prompt_tuning", {"prompt_tuning_init": "EXACT_SOURCE_TASK"}, "state_dict_path"),
        (LLAMA, "p_tuning", {"encoder_reparameterization_type": "GRU"}, "GRU"),
        (LLAMA, "p_tuning", {"encoder_reparameterization_type": "MLP", "encoder_num_layers": 3}, "encoder_num_layers"),
        (LLAMA, "p_tuning", {"encoder_reparameterization_type": "LSTM", "encoder_dropout": 1.5}, "encoder_dropout"),
        (LLAMA, "p_tuning", {"encoder_reparameterization_type": "LSTM", "num_virtual_tokens": 0}, "an empty prompt"),
        (LLAMA, "cartridge", {"num_frozen_tokens": 6}, "num_frozen_tokens is 6"),
        (LLAMA, "cpt", {}, "CAUSAL_LM"),
        (LLAMA, "cpt", {"task_type": "CAUSAL_LM", "cpt_token_ids": [50]}, "50 is not among the 50"),
        (LLAMA, "cpt", {"task_type": "CAUSAL_LM", "cpt_mask": [1, 1]}, "cpt_mask has 2"),
        (T5, "adaption_prompt", {"adapter_len": 5, "adapter_layers": 1}, "'t5'"),
        (LLAMA, "adaption_prompt", {}, "adapter_len"),
        (LLAMA, "adaption_prompt", {"adapter_len": 5, "adapter_layers": 3}, "give that many or less"),
        (
            LLAMA,
            "adaption_prompt",
            {"adapter_len": 5, "adapter_layers": 1, "target_modules": "mlp"},
            "not an attention module",
        ),
    ],
)
def test_what_peft_refuses_is_refused(config: dict[str, Any], method: str, fields: dict[str, Any], named: str) -> None:
    """With what is wrong, in one sentence."""
    with pytest.raises(InvalidInput, match=named):
        cost(config, method, **fields)


@pytest.mark.parametrize("method", methods_of("prompts"))
def test_a_matrix_alone_takes_no_prompt(method: str) -> None:
    """A prompt has the sizes of a model."""
    with pytest.raises(InvalidInput, match="give model"):
        on_one_matrix({"peft_type": method.upper()})


def test_a_checkpoint_alone_has_no_sizes_for_a_prompt(tmp_path: Path) -> None:
    """The heads and layers stand in a config.json; beside one they are known."""
    write(tmp_path / "model.safetensors", {"model.embed_tokens.weight": ("F32", (50, 16))})
    with pytest.raises(InvalidInput, match=r"config\.json"):
        on(read_model(str(tmp_path)), {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 5})
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    assert (
        on(read_model(str(tmp_path)), {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 5}).trainable_params == 160
    )
