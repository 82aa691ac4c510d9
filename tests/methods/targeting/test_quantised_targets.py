"""Methods, options of LoRA and targets on a quantised base: what PEFT refuses is refused, and the rest is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from program import run
from small_llama import cost, llama, refusal

from lora_cli.methods.registry import METHODS, method_named
from lora_cli.models.quantised_layers import LAYERS

NAME = "model.layers.0.self_attn.q_proj"
# Each field with a value that asks for it, and what the refusal calls it.
OPTIONS: dict[str, tuple[Any, str]] = {
    "use_dora": (True, "DoRA"),
    "velora_config": ({}, "VeLoRA"),
    "alora_invocation_tokens": ([1], "aLoRA"),
    "use_bdlora": ({"target_modules_bd_a": ["q_proj"]}, "BD-LoRA"),
    "kasa_config": ({}, "KaSA"),
    "monteclora_config": ({}, "Monte Carlo LoRA"),
    "lora_bias": (True, "bias of B"),
    "init_lora_weights": ("pissa", "PiSSA"),
}
VARIANTS = ("use_dora", "velora_config", "alora_invocation_tokens", "use_bdlora", "kasa_config", "monteclora_config")
REFUSED = {
    "gptq": {"use_dora", "velora_config", "init_lora_weights"},
    "awq": {*VARIANTS, "init_lora_weights"},
    "aqlm": {*VARIANTS, "init_lora_weights"},
    "eetq": {*VARIANTS, "init_lora_weights"},
    "hqq": {"velora_config", "lora_bias", "init_lora_weights"},
    "bitsandbytes": {"velora_config", "init_lora_weights"},
    "torchao": {"lora_bias"},
    "fp8": set(),
}
BACKENDS = {"boft", "lora", "miss", "oft", "shira", "vera"}


def base(quantisation: str, **fields: Any) -> dict[str, Any]:
    """Return the fields of a config.json that say how the model is quantised."""
    return {"quantization_config": {"quant_method": quantisation, **fields}}


@pytest.mark.parametrize(("quantisation", "option"), [(base, name) for base in REFUSED for name in OPTIONS])
def test_lora_has_the_options_that_pefts_layer_has(quantisation: str, option: str) -> None:
    """A refusal names the field, the layer and what to do; a head that stays a Linear takes each of them."""
    value, title = OPTIONS[option]
    fields = {"target_modules": ["q_proj"], "r": 2, option: value}
    if option not in REFUSED[quantisation]:
        assert cost("lora", base(quantisation), **fields).trainable_params > 0
        return
    said = refusal("lora", base(quantisation), **fields)
    called = option if option != "init_lora_weights" else f"{option} {value}"
    assert said == (
        f"{called} cannot adapt '{NAME}': PEFT's LoRA layer for {LAYERS[quantisation].title} has no {title}; "
        f"drop {called}, or take the model before quantisation"
    )
    if option != "use_bdlora":
        head = {**fields, "target_modules": ["lm_head"]}
        assert cost("lora", base(quantisation), **head).trainable_params == cost("lora", **head).trainable_params


@pytest.mark.parametrize("start", ["pissa_niter_4", "corda", "OLORA", "mica", "orthogonal"])
def test_starts_that_need_the_weight_are_refused(start: str) -> None:
    """In each spelling that PEFT takes; bitsandbytes turns it back for OLoRA."""
    fields = {"target_modules": ["q_proj"], "r": 2, "init_lora_weights": start}
    assert "PEFT's LoRA layer for GPTQ has no" in refusal("lora", base("gptq"), **fields)
    if start == "OLORA":
        assert cost("lora", base("bitsandbytes"), **fields).trainable_params > 0
    else:
        assert "PEFT's LoRA layer for bitsandbytes has no" in refusal("lora", base("bitsandbytes"), **fields)


@pytest.mark.parametrize("quantisation", ["gptq", "hqq", "bitsandbytes"])
def test_what_pefts_layer_does_not_look_at_changes_no_count(quantisation: str) -> None:
    """And a note says so."""
    plain = cost("lora", base(quantisation), target_modules=["q_proj"], r=2)
    for option in ("use_bdlora", "kasa_config", "monteclora_config"):
        found = cost("lora", base(quantisation), target_modules=["q_proj"], r=2, **{option: OPTIONS[option][0]})
        assert found.trainable_params == plain.trainable_params
        assert found.adapter_bytes == plain.adapter_bytes
        (note,) = found.how.notes(found.settings)
        assert note == (
            f"{option} changes nothing on layers of {LAYERS[quantisation].title} in PEFT, whose adapters are counted as "
            "plain LoRA"
        )


def test_qalora_pools_the_inputs_of_gptq_layers() -> None:
    """A has as many columns as groups; on another layer it changes nothing, which a note says."""
    fields = {"target_modules": ["q_proj"], "r": 2, "use_qalora": True, "qalora_group_size": 4}
    found = cost("lora", base("gptq"), **fields)
    assert found.trainable_params == 2 * 2 * (16 // 4 + 16)
    assert not list(found.how.notes(found.settings))
    other = cost("lora", base("awq"), **fields)
    assert other.trainable_params == 2 * 2 * (16 + 16)
    assert any(
        "use_qalora changes only the adapters of GPTQ layers" in note for note in other.how.notes(other.settings)
    )
    said = refusal("lora", base("gptq"), **{**fields, "qalora_group_size": 6})
    assert said == f"qalora_group_size 6 does not divide the 16 inputs of '{NAME}'; give a divisor of it"


@pytest.mark.parametrize("quantisation", ["gptq", "awq", "aqlm", "eetq", "hqq", "higgs"])
def test_methods_without_a_layer_for_it_are_refused(quantisation: str) -> None:
    """With those that have one; a module that is left as it is takes any method."""
    able = sorted(BACKENDS | {"adalora"} if quantisation == "gptq" else BACKENDS if quantisation != "higgs" else ())
    others = f", or a method that takes it: {', '.join(able)}" if able else ""
    said = (
        f"target '{NAME}' is a layer of {LAYERS[quantisation].title}, as the quantization_config of 'small' says, and ia3 "
        f"does not take it in PEFT; take the model before quantisation{others}"
    )
    fields: dict[str, Any] = {"target_modules": ["q_proj"], "feedforward_modules": []}
    assert refusal("ia3", base(quantisation), **fields) == said
    left = base(quantisation, modules_to_not_convert=["q_proj"])
    assert cost("ia3", left, **fields).trainable_params == cost("ia3", **fields).trainable_params
    assert {name for name in METHODS if quantisation in method_named(name).quantised_layers} == set(able)


@pytest.mark.parametrize("method", ["adamss", "delora", "frod", "glora", "psoft", "tinylora"])
def test_some_methods_do_not_take_bitsandbytes(method: str) -> None:
    """GLoRA asks for torch's own Linear, and the rest compute with its weight; they do take FP8's."""
    fields = {} if method == "frod" else {"r": 2}
    said = refusal(method, base("bitsandbytes"), target_modules=["q_proj"], **fields)
    assert said.endswith(f"and {method} does not take it in PEFT; take the model before quantisation")
    assert cost(method, base("fp8"), target_modules=["q_proj"], **fields).adapted_modules == 2


def test_all_linear_means_what_is_still_a_linear() -> None:
    """PEFT looks for torch's classes, so it finds nothing among GPTQ layers, and what was left out of them."""
    said = refusal("lora", base("gptq"), target_modules="all-linear")
    assert said.startswith(
        "no module of 'small' is targeted by 'all-linear'; all-linear means torch's Linear and Conv1D in PEFT, and the "
        "quantization_config of 'small' makes layers of GPTQ of them; targets here are down_proj"
    )
    left = cost("lora", base("gptq", modules_to_not_convert=["mlp"]), target_modules="all-linear")
    assert {place.module.name.rpartition(".")[2] for place in left.targets.places} == {
        "gate_proj",
        "up_proj",
        "down_proj",
    }
    packed = cost("lora", base("bitsandbytes"), target_modules="all-linear")
    assert packed.trainable_params == cost("lora", target_modules="all-linear").trainable_params


def test_osf_skips_what_is_not_a_linear() -> None:
    """PEFT's OSF passes over a module of another class."""
    assert cost("osf", base("gptq"), target_modules=["q_proj", "lm_head"], effective_rank=2).adapted_modules == 1


def test_a_refusal_ends_the_program_with_2(tmp_path: Path) -> None:
    """One line on stderr; an unknown quantisation is a note beside the count."""
    config = tmp_path / "config.json"
    words = ("count", str(tmp_path), "-r", "4", "-t", "q_proj", "--method", "dora", "--field", "trainable_params")
    config.write_text(json.dumps(llama(**base("awq"))))
    refused = run(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(
        f"lora-cli: error: use_dora cannot adapt '{NAME}': PEFT's LoRA layer for AWQ has no DoRA"
    )
    assert refused.stderr.count("\n") == 1
    config.write_text(json.dumps(llama(**base("new4"))))
    counted = run(*words)
    assert (counted.returncode, counted.stdout) == (0, "1152\n")
    assert "has quant_method 'new4', which is not known here" in counted.stderr
