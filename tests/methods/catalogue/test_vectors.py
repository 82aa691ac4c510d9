"""IA3, BEFT, LN tuning, Super-Tuning, GLoRA, PEANuT, trainable tokens and ShadowPEFT: figures of PEFT 0.21.2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from small_llama import BOTH, cost, narrow, refusal

from lora_cli import InvalidInput
from lora_cli.analysis.count.breakdown import modules
from lora_cli.analysis.count.count import count
from lora_cli.analysis.count.model_count import count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

BASE, HEAD = 6032, 50 * 16
ATTENTION, FEEDFORWARD = 4 * 16 * 16, 3 * 16 * 24
TIED = {"tie_word_embeddings": True}
CLASSIFIER = {"architectures": ["LlamaForSequenceClassification"], "num_labels": 3}
# A correction of rank 2, and two networks of 2 hidden units.
SHADOWED = 2 * 2 * 16 + 2 * (2 * 2 * 16 + 2 + 16)
# The first block, and the last norm.
SHADOW = ATTENTION + FEEDFORWARD + 2 * 16 + 16


@pytest.mark.parametrize(
    ("method", "fields", "trained"),
    [
        # Outputs of k_proj and v_proj, inputs of down_proj; then of the modules that are named.
        ("ia3", {}, 2 * (16 + 16 + 24)),
        ("ia3", {**BOTH, "feedforward_modules": ["down_proj"]}, 2 * (16 + 24)),
        ("ia3", {**BOTH, "feedforward_modules": []}, 2 * (16 + 16)),
        ("beft", {}, 2 * 16),
        ("ln_tuning", {}, (2 * 2 + 1) * 16),
        ("ln_tuning", {"target_modules": ["self_attn"]}, 2 * ATTENTION),
        # A tenth of 256 and of 384, rounded down.
        ("supertuning", {**BOTH, "sparsity": 0.9}, 2 * (25 + 38)),
        ("supertuning", {**BOTH, "sparsity": 0.9, "r": 2}, 2 * (25 + 38) + 2 * 2 * (32 + 40)),
        ("glora", {**BOTH, "r": 2}, 2 * 2 * 2 * (32 + 40)),
        ("glora", {**BOTH, "config_A_B": "none"}, 0),
        ("peanut", {**BOTH, "r": 2, "depth": 2}, 4 * (2 * 2 * 16 + 2 * 2 * 4)),
        ("trainable_tokens", {"token_indices": [1, 2, 2]}, 3 * 16),
        ("trainable_tokens", {}, 0),
        ("shadow", {"r": 2}, 2 * SHADOWED + SHADOW),
        ("shadow", {"r": 2, "target_modules": ["layers.0"], "share_embeddings": False}, SHADOWED + SHADOW + HEAD),
    ],
)
def test_what_is_trained(method: str, fields: dict[str, Any], trained: int) -> None:
    """PEFT's two figures."""
    found = cost(method, **fields)
    assert (found.trainable_params, found.all_params) == (trained, BASE + trained)


@pytest.mark.parametrize(
    ("method", "fields", "file"),
    [
        ("ia3", {}, 1160),
        ("beft", {}, 400),
        ("supertuning", {**BOTH, "sparsity": 0.9}, 2032),
        ("supertuning", {**BOTH, "sparsity": 0.9, "r": 2, "save_precomputed_indices": False}, 3248),
        ("glora", {**BOTH, "r": 2}, 6496),
        # What is left out is saved as zeros, as large as W.
        ("glora", {**BOTH, "config_A_B": "none"}, 13544),
        ("peanut", {**BOTH, "r": 2, "depth": 2}, 4376),
    ],
)
def test_what_is_saved(method: str, fields: dict[str, Any], file: int) -> None:
    """The file's size, with indices and zeros that nobody trains."""
    assert cost(method, **fields).adapter_bytes == file


def test_glora_trains_biases_where_there_are_any() -> None:
    """Of one matrix without a bias A and B alone; the biases' paths are zeros."""
    assert count(6, 8, 2, method="glora").trainable_params == 2 * 2 * (6 + 8)
    assert cost("glora", {"attention_bias": True}, target_modules=["q_proj"], r=2).trainable_params == 2 * (
        2 * 2 * 32 + 2 * (16 + 1) + 2
    )


def test_ln_tuning_copies_a_tied_head_by_itself() -> None:
    """The copy is no longer tied."""
    found = cost("ln_tuning", TIED, target_modules=["lm_head"])
    assert (found.trainable_params, found.all_params) == (HEAD, BASE - HEAD + HEAD)


def test_a_tied_head_follows_its_embeddings_rows() -> None:
    """The same rows, unless the head is a target too; the file holds them once for each module."""
    one = cost("trainable_tokens", TIED, token_indices=[1, 2])
    both = cost("trainable_tokens", TIED, token_indices=[1, 2], target_modules=["embed_tokens", "lm_head"])
    assert (one.trainable_params, both.trainable_params) == (2 * 16, 2 * 2 * 16)
    assert [tensor.key for tensor in one.shared] == ["model.lm_head.trainable_tokens_delta"]
    assert [tensor.key for tensor in both.shared] == ["model.lm_head.base_layer.trainable_tokens_delta"]


SMALL = {"num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 40}
LLAMA_LIKE = {**SMALL, "hidden_size": 16, "intermediate_size": 24, "num_key_value_heads": 2}
OPT = {**SMALL, "model_type": "opt", "hidden_size": 16, "ffn_dim": 24, "word_embed_proj_dim": 16}
FALCON = {**SMALL, "model_type": "falcon", "hidden_size": 16}


# PEFT 0.21.2's figures.
@pytest.mark.parametrize(
    ("model", "fields", "figures"),
    [
        # The width of a head stays, and a projection leads back to the width of the model.
        (LLAMA_LIKE, {"shadow_hidden_size": 8}, (3064, 8264, 16296)),
        ({**OPT, "architectures": ["OPTForCausalLM"]}, {"shadow_intermediate_size": 8}, (35896, 73288, 148712)),
        ({**OPT, "architectures": ["OPTForCausalLM"]}, {"shadow_hidden_size": 8}, (19808, 57200, 84752)),
        (FALCON, {"shadow_hidden_size": 8, "shadow_num_attention_heads": 2}, (3328, 9440, 17080)),
        (LLAMA_LIKE, {"shadow_num_hidden_layers": 3}, (7504, 12704, 36176)),
    ],
)
def test_a_shadow_of_another_shape(model: dict[str, Any], fields: dict[str, Any], figures: tuple[int, ...]) -> None:
    """PEFT changes these sizes in the config of the model, whose other sizes stay."""
    found = cost("shadow", model, **fields)
    assert (found.trainable_params, found.all_params, found.adapter_bytes) == figures


def test_a_shadow_without_a_config_keeps_the_models_shape() -> None:
    """What another size makes of the shapes in a checkpoint is not known."""
    config, _ = read_adapter_config(Config({"peft_type": "SHADOW", "shadow_hidden_size": 8}))
    model = replace(read_config(Config(narrow()), "small"), config=None)
    with pytest.raises(InvalidInput, match="shadow_hidden_size is 8, and what it makes of 'small' is not known"):
        count_model(model, config)


def test_a_shadow_has_a_classifiers_head_of_its_own() -> None:
    """Beside the head that is trained whole for the task."""
    found = cost("shadow", CLASSIFIER, r=2, task_type="SEQ_CLS")
    assert (found.trainable_params, found.all_params) == (2 * SHADOWED + SHADOW + 2 * 48, 8056)


@pytest.mark.parametrize(
    ("method", "model", "fields", "said"),
    [
        (
            "ia3",
            {},
            {**BOTH, "feedforward_modules": ["up_proj"]},
            "feedforward_modules has 'up_proj', which is missing from target_modules",
        ),
        ("ia3", {"model_type": "olmo2"}, BOTH, "no default feedforward_modules for model type 'olmo2'"),
        ("ia3", {"model_type": "olmo2"}, {}, "PEFT has no default targets for 'small', of model type 'olmo2'"),
        ("ln_tuning", {}, {"target_modules": ["self_attn", "q_proj"]}, "lies inside 'model.layers.0.self_attn'"),
        ("ln_tuning", {}, {"target_modules": ["rotary_emb"]}, "holds no parameters; leave it out"),
        ("ln_tuning", {}, {"target_modules": ["mlp"], "modules_to_save": ["up_proj"]}, "drop one of them"),
        ("supertuning", {}, {**BOTH, "sparsity": 0.999}, "leaves nothing to train of the 256 values"),
        ("supertuning", {}, {**BOTH, "sparsity": 1}, "it must be under 1"),
        ("supertuning", {}, {**BOTH, "lora_alpha": 8}, "lora_alpha is 8.0 without r"),
        ("glora", {}, {**BOTH, "config_C": "constant"}, "choose from: lora, vector, none"),
        ("peanut", {}, {**BOTH, "act_fn": "no"}, "act_fn is 'no'; choose from: gelu"),
        ("trainable_tokens", {}, {"token_indices": [50]}, "has 50, but 'model.embed_tokens' has 50 rows"),
        ("trainable_tokens", {}, {"target_modules": ["norm"]}, "is not a Linear or Embedding"),
        ("shadow", {}, {"shadow_model": "other/model"}, "a trained model that PEFT loads"),
        (
            "shadow",
            {"model_type": "bloom"},
            {"shadow_intermediate_size": 8},
            "finds no such size in the config of 'bloom'",
        ),
        ("xlora", {}, {"adapters": {"one": "./one"}}, "mixes trained LoRA adapters"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    method: str, model: dict[str, Any], fields: dict[str, Any], said: str
) -> None:
    """What PEFT refuses, and what follows from trained files and not from the config."""
    assert said in refusal(method, model, **fields)


def test_an_embedding_tied_to_what_is_outside_is_copied_too() -> None:
    """T5's encoder holds the shared embeddings under a name of its own."""
    t5 = {"model_type": "t5", "d_model": 16, "d_ff": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "d_kv": 8}
    attention, positions, norms = ATTENTION, 32 * 2, 3 * 16
    copied = cost("ln_tuning", t5, target_modules=["encoder"]).trainable_params
    assert copied == attention + positions + norms + 2 * 16 * 24 + HEAD == 2704


def test_nothing_trained_has_no_reduction_factor() -> None:
    """0 is an answer, and dividing by it is none."""
    found = cost("trainable_tokens")
    assert (found.trainable_params, found.percent_of_full, found.reduction_factor) == (0, 0, None)


def test_a_classifier_of_no_labels_has_no_values_to_train() -> None:
    """A weight of no values is refused by Super-Tuning, and has no share elsewhere."""
    model = read_config(
        Config({"model_type": "bert", "architectures": ["BertForSequenceClassification"], "num_labels": 0}), "empty"
    )
    fields = {"peft_type": "SUPERTUNING", "target_modules": ["classifier"]}
    with pytest.raises(InvalidInput, match="leaves nothing to train of the 0 values of 'classifier'; leave it out"):
        count_model(model, read_adapter_config(Config(fields, "adapter_config.json"))[0])
    lora, _ = read_adapter_config(Config(fields | {"peft_type": "LORA"}, "adapter_config.json"))
    (record,) = modules(count_model(model, lora))
    assert (record["full_params"], record["percent_of_full"]) == (0, None)
