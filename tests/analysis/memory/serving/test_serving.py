"""What vLLM preallocates for adapters: figures computed by hand from the shapes in vLLM 0.33.0's own source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_llama import llama

import lora_cli
from lora_cli.analysis.memory.serving.families import FAMILIES
from lora_cli.analysis.memory.serving.slots import slot_of
from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

# The small Llama: q, k, v and o of 64 by 64, three of 64 and 128, twice; and 100 words of 64, twice.
SMALL = 2 * (4 * 128 + 3 * 192) + 2 * 164


def small(**fields: Any) -> Model:
    """Return the small Llama, in bfloat16."""
    return read_config(Config(llama(torch_dtype="bfloat16", **fields)), "small")


def adapter(folder: Path, **fields: Any) -> str:
    """Write the config of an adapter, and return its path."""
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM"} | fields
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return str(folder)


def test_one_slot_of_llama() -> None:
    """Each module that vLLM fuses has an A and a B of its own; so have the embeddings and the output."""
    layer = (4096 + 4096) + 2 * (4096 + 1024) + (4096 + 4096) + 2 * (4096 + 14336) + (14336 + 4096)
    words = (128256 + 4096) + (4096 + 128256)
    found = lora_cli.memory("llama-3.1-8b", serve=1)
    assert found.slot_bytes == found.total_bytes == 16 * (32 * layer + words) * 2 == 92_356_608
    assert (found.max_rank, found.padded_rank, found.slots, found.wasted_bytes) == (16, 16, 1, None)


def test_cards_share_b_of_columns_and_a_of_rows() -> None:
    """The embeddings and the output are whole on every card, and each has at least one head of keys and values."""
    layer = (4096 + 2048) + 2 * (4096 + 512) + (2048 + 4096) + 2 * (4096 + 7168) + (7168 + 4096)
    words = 2 * (128256 + 4096)
    found = lora_cli.memory("llama-3.1-8b", serve=4, max_rank=20, tp=2)
    assert (found.max_rank, found.padded_rank) == (20, 32)
    assert found.total_bytes == 4 * 32 * (32 * layer + words) * 2
    slot = slot_of(read_config(Config(llama(num_attention_heads=4, num_key_value_heads=1)), "small"), 2)
    assert slot["model.layers.0.self_attn.k_proj"] == 64 + 16
    assert slot["model.layers.0.self_attn.q_proj"] == 64 + 32


def test_a_mixture_has_slots_for_every_expert() -> None:
    """Mixtral: for each of 8 experts two A of 4096 and one of 14336, and their B; and a router of 4096 by 8."""
    experts = 8 * ((4096 + 14336) + (4096 + 14336) + (14336 + 4096))
    layer = 2 * (4096 + 4096) + 2 * (4096 + 1024) + (4096 + 8) + experts
    found = lora_cli.memory("mixtral-8x7b", serve=1)
    assert found.total_bytes == 16 * (32 * layer + 2 * (32000 + 4096)) * 2 == 486_760_448


def test_fused_layers_have_one_a_unless_vllm_names_two() -> None:
    """Phi-3's qkv_proj and gate_up_proj have one, GLM-4's gate_up_proj two; without words GLM-4 has no slot for them."""
    phi = slot_of(read_config(Config({"model_type": "phi3", "num_hidden_layers": 1}), "phi"), 2)
    assert phi["model.layers.0.self_attn.qkv_proj"] == 3072 + 9216 // 2
    assert phi["model.layers.0.mlp.gate_up_proj"] == 3072 + 16384 // 2
    glm = slot_of(read_config(Config({"model_type": "glm4", "num_hidden_layers": 1}), "glm"), 1)
    assert glm["model.layers.0.mlp.gate_up_proj"] == 2 * 4096 + 27392
    assert "lm_head" not in glm


@pytest.mark.parametrize("family", FAMILIES)
def test_every_linear_of_a_family_has_a_slot(family: str) -> None:
    """All but the output, for which only some classes of vLLM have one."""
    model = read_config(Config({"model_type": family, "num_hidden_layers": 2}), family)
    slot = slot_of(model, 1)
    linears = {module.name for module in model.modules if module.kind == "Linear" and module.name != model.output}
    assert linears <= slot.keys()
    assert all(values > 0 for values in slot.values())


def test_what_adapters_leave_unused(tmp_path: Path) -> None:
    """The highest rank of any module decides; lower ranks, other modules and empty slots are unused."""
    low = adapter(tmp_path / "low")
    high = adapter(tmp_path / "high", r=8, rank_pattern={"layers.1.self_attn.q_proj": 9})
    found = lora_cli.memory(small(), serve=3, adapter=[low, high])
    assert (found.max_rank, found.padded_rank) == (9, 16)
    assert found.slot_bytes == 16 * SMALL * 2
    assert found.wasted_bytes == 3 * 16 * SMALL * 2 - 2 * ((4 + 4) * 128 + (8 + 9) * 128)
    assert lora_cli.memory(small(), serve=1, adapter=low).max_rank == 4


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"use_dora": True}, "vLLM does not serve DoRA, which"),
        ({"modules_to_save": ["lm_head"]}, "does not serve modules_to_save"),
        ({"bias": "all"}, "does not serve trained biases"),
        ({"lora_bias": True}, "does not serve lora_bias"),
        ({"trainable_token_indices": [1, 2]}, "does not serve trained token rows"),
        ({"layer_replication": [[0, 2], [1, 2]]}, "does not serve layer_replication"),
        ({"init_lora_weights": "pissa"}, "an init_lora_weights that changes the base"),
        ({"peft_type": "VERA", "r": 4}, "the method 'vera'"),
        ({"r": 1024}, "has rank 1,024, and vLLM serves ranks up to 512"),
        ({"rank_pattern": {"never": 600}}, "has rank 600"),
    ],
)
def test_an_adapter_that_vllm_refuses(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    """By what it has, in one line."""
    path = adapter(tmp_path / "adapter", **fields)
    with pytest.raises(InvalidInput) as error:
        lora_cli.memory(small(), serve=1, adapter=path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_an_adapter_of_a_module_without_a_slot(tmp_path: Path) -> None:
    """Qwen2's class in vLLM names no embeddings."""
    model = read_config(Config({"model_type": "qwen2", "num_hidden_layers": 1}), "qwen")
    path = adapter(tmp_path / "adapter", target_modules=["embed_tokens"])
    with pytest.raises(InvalidInput, match=r"vLLM has no LoRA for model\.embed_tokens of qwen2"):
        lora_cli.memory(model, serve=1, adapter=path)


@pytest.mark.parametrize(
    ("model", "keywords", "said"),
    [
        ({}, {"serve": 0}, "serve: 0 is out of range"),
        ({}, {"serve": 10**12}, "serve: 1000000000000 is out of range"),
        ({}, {"serve": 1, "max_rank": 513}, "max_rank: 513 is out of range; give a whole number from 1 to 512"),
        ({}, {"serve": 1, "tp": 3}, "tp: 3 cards cannot share 64 evenly"),
        ({}, {"serve": 1, "dtype": "float32"}, "vLLM's LoRA does not run in 'float32'"),
        ({}, {"serve": 1, "batch": 2}, "batch says how a model is trained"),
        ({}, {"serve": 1, "gpu": "t4"}, "gpu says how a model is trained"),
        ({}, {"serve": 1, "r": 8}, "r says how a model is trained"),
        ({}, {"tp": 2}, "tp says what a server holds; give serve too"),
        ({}, {"max_rank": 8}, "max_rank says what a server holds"),
        ({}, {"adapter": ["a", "b"]}, "adapter is given 2 times"),
        ({"model_type": "gpt2"}, {"serve": 1}, "vLLM does not support LoRA on gpt2"),
        ({"model_type": "olmo2"}, {"serve": 1}, "what vLLM allocates for 'olmo2' is not known here"),
        ({"vocab_size": 300000}, {"serve": 1}, "up to 258,048 words, and small has 300,000"),
        (
            {"model_type": "mixtral", "quantization_config": {"quant_method": "fp8"}},
            {"serve": 1},
            "small has quantised experts",
        ),
        ({"model_type": "gemma2"}, {"serve": 1, "dtype": "float16"}, "vLLM does not run gemma2 in float16"),
        ({"architectures": ["LlamaForSequenceClassification"]}, {"serve": 1}, "allocates for score of small"),
    ],
)
def test_what_is_refused(model: dict[str, Any], keywords: dict[str, Any], said: str) -> None:
    """Never a guess, and never an option that means something else."""
    subject = read_config(Config(llama(**model) if "model_type" not in model else model), "small")
    with pytest.raises(InvalidInput) as error:
        lora_cli.memory(subject, **keywords)
    assert said in str(error.value)


def test_a_quantised_base_keeps_its_slots_in_16_bits() -> None:
    """A model that is stored in float32 runs in bfloat16, which a note says; what its weights are packed in is no matter."""
    packed = small(quantization_config={"quant_method": "awq", "bits": 4})
    assert lora_cli.memory(packed, serve=1).slot_bytes == 16 * SMALL * 2
    wide = read_config(Config(llama(torch_dtype="float32")), "wide")
    found = lora_cli.memory(wide, serve=1)
    assert (found.dtype, found.notes) == ("bfloat16", ("vLLM runs wide in bfloat16, as it has no LoRA in float32",))
