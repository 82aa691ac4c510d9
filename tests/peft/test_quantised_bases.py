"""Quantised bases against PEFT's own layers and dispatchers: what it trains on each layer, or that it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lora_cli import InvalidInput
from lora_cli.methods.registry import METHODS, methods_of

sys.path.insert(0, str(Path(__file__).parent))
import methods

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
LLAMA = {"model_type": "llama", **SIZES}
BASES: dict[str, dict[str, Any]] = {
    **{name: {"quant_method": name} for name in ("gptq", "awq", "aqlm", "eetq", "hqq")},
    "nf4": {"load_in_4bit": True},
    "int8": {"load_in_8bit": True},
}
TARGETS = {"target_modules": ["q_proj", "down_proj"]}
# The methods that adapt a Linear, with what their defaults do not allow on a model of this size.
FIELDS: dict[str, dict[str, Any]] = {
    "adalora": {"total_step": 10},
    "c3a": {"block_size": 8},
    "fourierft": {"n_frequency": 10},
    "ia3": {"feedforward_modules": ["down_proj"]},
    "vblora": {"vector_length": 16, "num_vectors": 90},
    "waveft": {"n_frequency": 16},
}
OTHERS = {*methods_of("prompts"), "xlora", "ln_tuning", "shadow", "trainable_tokens"}
BLOCKS = {"target_modules_bd_a": ["q_proj"], "target_modules_bd_b": ["down_proj"], "nblocks": 2}
OPTIONS: list[dict[str, Any]] = [
    {"use_dora": True},
    {"use_dora": True, "target_modules": ["lm_head"]},
    {"lora_bias": True},
    {"velora_config": {}},
    {"alora_invocation_tokens": [1]},
    {"use_bdlora": BLOCKS},
    {"kasa_config": {}},
    {"monteclora_config": {}},
    {"use_qalora": True},
    {"use_qalora": True, "qalora_group_size": 24},
    {"use_rslora": True},
    {"target_modules": "all-linear"},
    *(
        {"init_lora_weights": start}
        for start in ("pissa", "pissa_niter_4", "corda", "olora", "mica", "orthogonal", "eva")
    ),
]
# These depend on what an empty class does not have: weights that can be turned back, or that have a place.
UNTRIED = {
    *(
        (base, "lora", option)
        for base in ("nf4", "int8")
        for option in ('{"use_dora": true}', '{"init_lora_weights": "olora"}')
    ),
    *((base, "shira", "{}") for base in ("gptq", "awq", "aqlm", "hqq")),
    # These take the shape of packed weights for that of the weight; what they train cannot run.
    *(("nf4", method, "{}") for method in ("deft", "loha", "supertuning")),
    *((base, "osf", "{}") for base in ("nf4", "int8")),
}
CASES = [
    case
    for base in BASES
    for case in (
        *((base, method, "{}") for method in METHODS if method not in OTHERS),
        *((base, "lora", json.dumps(option)) for option in OPTIONS),
    )
    if case not in UNTRIED
]


def adapter(method: str, option: str) -> dict[str, Any]:
    """Return the adapter_config.json of a case."""
    return {"peft_type": method.upper(), **TARGETS, **FIELDS.get(method, {}), **json.loads(option)}


@cache
def theirs() -> dict[tuple[str, str, str], int | str]:
    """Return PEFT's answers, all from one process."""
    program = Path(__file__).with_name("quantised_bases.py")
    cases = [(LLAMA, base, adapter(method, option)) for base, method, option in CASES]
    done = subprocess.run(
        [sys.executable, str(program)], input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize(("base", "method", "option"), CASES)
def test_counts_and_refusals_are_pefts(base: str, method: str, option: str) -> None:
    """What PEFT trains on the layers that it knows, and what it refuses of them."""
    ours = methods.ours({**LLAMA, "quantization_config": BASES[base]}, adapter(method, option))
    said = theirs()[base, method, option]
    if isinstance(said, str):
        assert isinstance(ours, InvalidInput), said
    else:
        assert not isinstance(ours, InvalidInput), ours
        assert ours[0] == said
