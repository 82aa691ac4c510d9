"""Targets that PEFT refuses, and the sentence that says why."""

from __future__ import annotations

from typing import Any

import pytest
from small_models import cost, model, names

from lora_cli.analysis.count.model_count import count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config


@pytest.mark.parametrize("target", ["norm", "input_layernorm", "self_attn", "mlp", "layers", "model", "0"])
def test_a_norm_or_a_container_is_refused(target: str) -> None:
    """PEFT adapts neither; the whole name is in the sentence."""
    with pytest.raises(
        InvalidInput,
        match=rf"target '[^']*\b{target}' is not a Linear, Conv1D, Embedding, Conv1d, Conv2d, Conv3d or MultiheadAttention",
    ):
        names(target_modules=(target,))


@pytest.mark.parametrize("target", [("nope",), (), "", "nope", r"\d+", ("",), ("Q_PROJ",)])
def test_nothing_matched_is_refused_with_what_could_be(target: tuple[str, ...] | str) -> None:
    """The names are those of the model."""
    with pytest.raises(InvalidInput, match=r"targets here are down_proj, gate_proj, .*q_proj"):
        names(target_modules=target)


@pytest.mark.parametrize("target", [r".*\.mlp\..*", r".*\.act_fn", ("gate_proj", "act_fn"), ("rotary_emb",)])
def test_a_module_that_holds_nothing_is_refused(target: tuple[str, ...] | str) -> None:
    """PEFT looks at every name, also at those of activations and rotary embeddings."""
    with pytest.raises(InvalidInput, match=r"(act_fn|rotary_emb)' is not a Linear.*; leave it out"):
        names(target_modules=target)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trainable_token_indices": {"nope": (1,)}}, "not an embedding of this model"),
        ({"trainable_token_indices": {"norm": (1,)}}, "not an embedding of this model"),
        ({"trainable_token_indices": {"": (10**400,)}}, r"\(401 characters\) is not among the 100 rows"),
        ({"trainable_token_indices": {"q_proj": (1,)}}, "adapted too"),
        ({"trainable_token_indices": {"embed_tokens": (1,)}, "modules_to_save": ("embed_tokens",)}, "trains whole"),
        ({"target_parameters": ("q_proj.weight",)}, "target_modules adapts too"),
        ({"target_parameters": ("norm.weight",)}, "1 dimensions"),
        ({"target_parameters": ("k_proj.weight",), "use_dora": True}, "use_dora"),
        ({"target_parameters": ("k_proj.weight",), "lora_bias": True}, "lora_bias"),
        ({"target_parameters": ("k_proj.weight",), "lora_dropout": 0.1}, "lora_dropout"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], reason: str) -> None:
    """As PEFT refuses it."""
    with pytest.raises(InvalidInput, match=reason):
        names(target_modules=("q_proj",), **fields)


def test_a_parameter_inside_a_module_with_another_is_refused() -> None:
    """PEFT wraps the outer module first, and does not find the inner one again."""
    small = {"attention_head_dim": 8, "num_attention_heads": 2, "num_layers": 1, "added_kv_proj_dim": 12}
    wan = read_config(Config({"_class_name": "WanTransformer3DModel", **small}), "wan")
    outer, inner = "0.scale_shift_table", "add_k_proj.weight"
    with pytest.raises(
        InvalidInput, match=r"add_k_proj.weight' is inside 'blocks.0', which has a target parameter too"
    ):
        names(wan, target_modules=("to_q",), target_parameters=(outer, inner))
    for alone in (outer, inner):
        assert any(name.endswith(alone) for name in names(wan, target_modules=("to_q",), target_parameters=(alone,)))


def test_a_class_of_diffusers_has_no_default_targets() -> None:
    """PEFT looks for a model type, which it does not have, even beside parameters; all-linear leaves out no head."""
    flux = read_config(
        Config({"_class_name": "FluxTransformer2DModel", "num_layers": 1, "num_single_layers": 0}), "flux"
    )
    parameters = {"target_parameters": ["to_q.weight"]}
    for fields in ({"peft_type": "LORA"}, {"peft_type": "OSF"}, {"peft_type": "LORA", **parameters}):
        with pytest.raises(InvalidInput, match=r"no default targets for .*, of model type 'FluxTransformer2DModel'"):
            count_model(flux, read_adapter_config(Config(fields))[0])
    assert "proj_out" in names(flux, target_modules="all-linear")


def test_what_left_nothing_of_a_target_is_named() -> None:
    """The filters beside it, that a text is a regular expression, and that a mixture has no default."""
    for fields, said in (
        ({"target_modules": ("q_proj",), "layers_to_transform": (99,)}, "'q_proj', given layers_to_transform;"),
        ({"target_modules": "q_proj,x.*"}, "'q_proj,x.*', a regular expression for whole names;"),
        ({"target_modules": ()}, "an empty list;"),
    ):
        with pytest.raises(InvalidInput) as caught:
            cost(model(), **fields)
        assert said in str(caught.value)
    with pytest.raises(InvalidInput, match="targets nothing by default in 'mixtral'"):
        cost(model("mixtral"))


def test_a_parameter_inside_the_module_of_another_target_is_refused() -> None:
    """PEFT wraps the outer module, and then looks for the inner one in the wrapper."""
    tower = model("siglip_vision_model", hidden_size=24, intermediate_size=48, num_hidden_layers=1)
    assert cost(tower, target_modules=(), target_parameters=("head.probe", "self_attn.q_proj.weight")).adapted_modules
    with pytest.raises(InvalidInput, match=r"'head.mlp.fc1.weight' is inside 'head', which has a target parameter too"):
        cost(tower, target_modules=(), target_parameters=("head.probe", "head.mlp.fc1.weight"))


@pytest.mark.parametrize(
    ("peft_type", "alpha"),
    [
        ("LOHA", "alpha"),
        ("LOKR", "alpha"),
        ("GRALORA", "alpha"),
        ("RANDLORA", "randlora_alpha"),
        ("PSOFT", "psoft_alpha"),
        ("ADALORA", "lora_alpha"),
    ],
)
def test_an_alpha_of_null_is_refused(peft_type: str, alpha: str) -> None:
    """PEFT divides it by the rank."""
    fields = {"peft_type": peft_type, "target_modules": ["q_proj"], "total_step": 10, alpha: None}
    with pytest.raises(InvalidInput, match=f"{alpha} is null; give a value, or leave it out"):
        count_model(model(), read_adapter_config(Config(fields, "config"))[0])


@pytest.mark.parametrize("peft_type", ["LOHA", "LOKR"])
def test_an_alpha_of_null_does_where_a_pattern_has_another(peft_type: str) -> None:
    """PEFT reads it only for modules that no pattern matches."""
    fields = {"peft_type": peft_type, "target_modules": ["q_proj"], "alpha": None, "alpha_pattern": {"q_proj": 4}}
    assert count_model(model(), read_adapter_config(Config(fields, "config"))[0]).trainable_params > 0


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("layers.*.q_proj", r".*\.layers.*.q_proj"),
        ("q_proj|v_proj", r".*\.(q_proj|v_proj)"),
        ("^q_proj$", r".*\.q_proj"),
        (r".*\.q_prj", r".*\.q_proj"),
        (".*attn.(qproj)", r".*\.q_proj"),
        ("(?i)Q_proj|V_proj", r".*\.v_proj"),
    ],
)
def test_an_expression_that_matches_nothing_is_answered_with_one_that_does(written: str, meant: str) -> None:
    """For whole names instead of their ends, or by the last part of a name."""
    with pytest.raises(InvalidInput, match="a regular expression for whole names") as refusal:
        names(target_modules=written)
    assert f"did you mean '{meant}'? targets here are " in str(refusal.value)
    assert names(target_modules=meant)


def test_a_container_is_answered_with_what_is_inside() -> None:
    """By the last parts of the names, which are targets."""
    with pytest.raises(InvalidInput, match=r"name the modules inside it, e\.g\. down_proj, gate_proj, up_proj$"):
        names(target_modules=("mlp",))
