"""Adapters as PEFT saves them, older ones and damaged ones: what PEFT loads passes, and what it does not fails."""

from __future__ import annotations

import json
import random
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from peft.utils.save_and_load import load_peft_weights, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from lora_cli import check
from lora_cli.analysis.inspect.findings.declaration import ERROR
from lora_cli.analysis.inspect.inspect import inspect
from lora_cli.methods.targeting.model_types import EXPERTS
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import drawn
from seed import SEED

CASES = 150
MODELS = ("llama", "qwen2", "gemma", "gpt2", "opt", "gpt_neox", "t5", "whisper", "bert", "mixtral", "qwen3_moe")
MOST_PARAMS = 2 * 10**6
# The vocabulary that is drawn, and what it is resized to.
ROWS, RESIZED = 64, 69
FILE = "adapter_model.safetensors"
ROOT = "base_model.model."
Tensors = dict[str, torch.Tensor]


def _same(tensors: Tensors, _: random.Random) -> Tensors:
    return tensors


def _renamed(rename: Callable[[str], str]) -> Callable[[Tensors, random.Random], Tensors]:
    return lambda tensors, _: {rename(key): tensor for key, tensor in tensors.items()}


def _without_one(tensors: Tensors, source: random.Random) -> Tensors:
    left_out = source.choice([key for key in tensors if ".lora_" in key] or [*tensors])
    return {key: tensor for key, tensor in tensors.items() if key != left_out}


def _with_another(tensors: Tensors, source: random.Random) -> Tensors:
    return tensors | {f"{ROOT}{source.choice(['stray', 'model.layers.0.stray'])}.weight": torch.ones(3, 3)}


def _narrower(tensors: Tensors, source: random.Random) -> Tensors:
    key = source.choice([*tensors])
    return tensors | {key: tensors[key][:-1].contiguous()}


def _transposed(tensors: Tensors, _: random.Random) -> Tensors:
    return {key: tensor.T.contiguous() if tensor.ndim == 2 else tensor for key, tensor in tensors.items()}


# What is done to the file, most often nothing.
DAMAGES: list[Callable[[Tensors, random.Random], Tensors]] = [
    *[_same] * 8,
    _without_one,
    _with_another,
    _narrower,
    _transposed,
    _renamed(lambda key: key.removeprefix(ROOT)),
    _renamed(lambda key: ROOT + key),
    _renamed(lambda key: key.replace("layers.", "text.layers.", 1)),
    _renamed(lambda key: re.sub(r"(lora_[AB])\.", r"\1.style.", key)),
    _renamed(lambda key: key.replace(".lora_A", "_A").replace(".lora_B", "_B")),
]


def _base(source: random.Random) -> dict[str, Any]:
    """Draw the config.json of a small model with a vocabulary."""
    while True:
        model_type = source.choice(MODELS)
        classes = [name for name in adapters.classes(model_type) if not name.endswith("Classification")]
        config = drawn.draw(model_type, classes[:2], source) | {"vocab_size": ROWS, "pad_token_id": 0}
        if model_type == "whisper":
            config |= {"eos_token_id": 1, "bos_token_id": 1, "decoder_start_token_id": 1}
        if read_config(Config(config), "drawn").full_params <= MOST_PARAMS:
            return config


def _adapter(config: dict[str, Any], source: random.Random) -> dict[str, Any]:
    """Draw what people train: some Linears, now and then embeddings, copies by the ends of names, a clipped rank."""
    model = read_config(Config(config), "drawn")
    linear = adapters.leaf_names(module.name for module in model.modules if module.kind in {"Linear", "Conv1D"})
    every = adapters.leaf_names(module.name for module in model.modules)
    adapter: dict[str, Any] = {"r": source.choice([1, 4]), "target_modules": source.sample(linear, min(2, len(linear)))}
    if source.random() < 0.2:
        adapter["target_modules"].append(source.choice(every))
    if source.random() < 0.2:
        adapter["modules_to_save"] = source.choice([["norm"], ["ln_f"], ["lm_head"], ["embed_tokens"], [every[0]]])
    if source.random() < 0.2:
        adapter |= {"r": 80, "init_lora_weights": source.choice(["pissa", "olora", "pissa_niter_2"])}
    return adapter


def _wrapped(config: dict[str, Any], adapter: dict[str, Any]) -> peft.PeftModel:
    return peft.PeftModel(drawn.build(config, "cpu"), peft.LoraConfig(**adapter))


def _save(config: dict[str, Any], adapter: dict[str, Any], folder: Path, source: random.Random) -> None:
    """Save an adapter as PEFT does, now and then of a model whose vocabulary was resized."""
    base = drawn.build(config, "cpu")
    if source.random() < 0.3:
        base.resize_token_embeddings(RESIZED)
    wrapped = peft.PeftModel(base, peft.LoraConfig(**adapter))
    wrapped.save_pretrained(str(folder), save_embedding_layers=source.choice(["auto", "auto", True, False]))


def _save_old_experts(config: dict[str, Any], folder: Path, source: random.Random) -> None:
    """Write an adapter of a mixture as transformers 4 had it: a module for each projection of each expert."""
    model = read_config(Config(config), "drawn")
    experts = EXPERTS[config["model_type"]]
    rank = source.choice([1, 3])
    gate, up = experts.fused["gate_up_proj"]
    down = next(old for old, new in experts.renamed.items() if new == "down_proj")
    tensors: Tensors = {}
    for parameter in model.all_parameters():
        owner, _, leaf = parameter.name.rpartition(".")
        if leaf in {"gate_up_proj", "down_proj"} and len(parameter.shape) == 3:
            number, h, d = parameter.shape
            parts, h = ((gate, up), h // 2) if leaf == "gate_up_proj" else ((down,), h)
            stem = ROOT + owner.replace(".mlp.", f".{experts.block}.")
            for expert in range(number):
                for part in parts:
                    tensors[f"{stem}.{expert}.{part}.lora_A.weight"] = torch.ones(rank, d)
                    tensors[f"{stem}.{expert}.{part}.lora_B.weight"] = torch.ones(h, rank)
    targets = [gate, up, down]
    folder.mkdir(exist_ok=True)
    written = {"peft_type": "LORA", "r": rank, "target_modules": targets}
    (folder / "adapter_config.json").write_text(json.dumps(written))
    save_file(tensors, folder / FILE)


# What PEFT makes of a file that it does not load whole, and what `check --loads-in peft` finds then, of these at least one.
REFUSED, MISSING, UNEXPECTED = "refused", "missing keys", "unexpected keys"
# Keys without PEFT's root may be those of diffusers, which is another format.
OTHER_KEYS = {"wrong-prefix", "other-model", "peft-format"}
SAID = {
    REFUSED: {
        "empty-tensor",
        "shape-mismatch",
        "rank-mismatch",
        "vocabulary-mismatch",
        "refused-config",
        "missing-tensor",
        *OTHER_KEYS,
    },
    MISSING: {"missing-tensor", *OTHER_KEYS},
    UNEXPECTED: {"unknown-tensor", *OTHER_KEYS},
}


def _problems(config: dict[str, Any], folder: Path) -> set[str]:
    """Return what keeps PEFT from loading all of a file, and all that it looks for; nothing where it does."""
    try:
        wrapped = peft.PeftModel(drawn.build(config, "cpu"), peft.PeftConfig.from_pretrained(str(folder)))
        result = set_peft_model_state_dict(wrapped, load_peft_weights(str(folder), device="cpu"))
    except Exception:  # noqa: BLE001 - a file that does not fit raises anything
        return {REFUSED}
    missing = {MISSING} if any("lora_" in key for key in result.missing_keys) else set()
    return missing | ({UNEXPECTED} if result.unexpected_keys else set())


@pytest.mark.parametrize("turn", range(CASES))
def test_what_peft_loads_passes_and_what_it_does_not_fails(turn: int, tmp_path: Path) -> None:
    """With the model exactly so; without it nothing that PEFT wrote is an error."""
    source = random.Random(f"{SEED}/loading/{turn}")
    config = _base(source)
    adapter: dict[str, Any] = {}
    with warnings.catch_warnings(action="ignore"):
        if config["model_type"] in EXPERTS and source.random() < 0.7:
            _save_old_experts(config, tmp_path, source)
        else:
            adapter = _adapter(config, source)
            try:
                _save(config, adapter, tmp_path, source)
            except Exception as refusal:  # noqa: BLE001 - what PEFT refuses is compared elsewhere
                pytest.skip(f"PEFT does not save it: {refusal}")
        tensors = load_file(tmp_path / FILE)
        damage = source.choice(DAMAGES) if tensors else _same
        save_file(damage(tensors, source), tmp_path / FILE)
        base = config | {"vocab_size": source.choice([ROWS, ROWS, RESIZED])}
        problems = _problems(base, tmp_path)
    loads = not problems
    found = inspect(str(tmp_path), read_config(Config(base), "drawn"), values=False)
    errors = [finding for finding in found.findings if finding.severity == ERROR]
    told = f"seed {SEED}, turn {turn}, damage {DAMAGES.index(damage)}: {base} {adapter} {errors}"
    assert loads == (not errors), told
    verdicts = check(str(tmp_path), model=read_config(Config(base), "drawn"), loads_in="peft", fail_on=())
    failed = [verdict.rule for verdict in verdicts if not verdict.passed]
    refused = {rule.partition(": ")[2] for rule in failed} - {""}
    # Of a file without any tensor of the method, the unknown ones say that all of its own are missing.
    refused |= {"missing-tensor" for each in errors if each.message.endswith("the file has none of them")}
    assert bool(failed) == any(rule.startswith("loads-in peft") for rule in failed), told
    assert loads == (not refused), told
    assert all(refused & SAID[problem] for problem in problems), f"{told} {problems} {refused}"
    # Without the model it is not known that PEFT takes any root on some types.
    if loads and damage is _same:
        alone = inspect(str(tmp_path), values=False).findings
        assert not [finding for finding in alone if finding.severity == ERROR], f"{told} {alone}"
