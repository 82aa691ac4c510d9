"""Explanations against PEFT itself: a line that it prints of a mistaken configuration leads back to the mistake."""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import peft
import pytest
import torch

from lora_cli import explain
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

sys.path.insert(0, str(Path(__file__).parent))
import adapters
from seed import SEED, turns

LEAVES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
BELIEVED = {"target": ["q_proj", "v_proj", "up_proj"], "r": 6, "alpha": 10}
SIZES = {"hidden_size": 48, "intermediate_size": 88, "num_attention_heads": 4, "num_key_value_heads": 2}
# What went wrong, as fields of the config that ran, and a word of the cause.
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "the default rank": ({"r": 8}, "PEFT's default, not 6"),
    "the alpha as rank": ({"r": 10}, "the alpha, not 6"),
    "twice the rank": ({"r": 12}, "twice 6"),
    "the default targets": ({"target_modules": None}, "q_proj,v_proj, PEFT's default"),
    "all linear layers": ({"target_modules": "all-linear"}, "the targets"),
    "a target that is missing": ({"target_modules": ["q_proj", "v_proj"]}, "the targets"),
    "a target too many": ({"target_modules": ["q_proj", "v_proj", "up_proj", "down_proj"]}, "also have down_proj"),
    "a trained head": ({"modules_to_save": ["lm_head"]}, "modules_to_save trains"),
    "trained embeddings": ({"modules_to_save": ["embed_tokens"]}, "modules_to_save trains"),
    "both": ({"modules_to_save": ["lm_head", "embed_tokens"]}, "full copies of lm_head and embed_tokens"),
    "DoRA": ({"use_dora": True}, "use_dora is on"),
    "biases of B": ({"lora_bias": True}, "lora_bias is on"),
    "all biases": ({"bias": "all"}, 'bias is "all"'),
    "biases of the targets": ({"bias": "lora_only"}, 'bias is "lora_only"'),
    "the last layers": ({"layers_to_transform": [2, 3, 4]}, "only the last 3 of 5 layers"),
}


def printed(config: dict[str, Any], adapter: dict[str, Any]) -> str:
    """Return what PEFT prints of a config on a model that transformers builds."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        adapters.wrapped(config, peft.LoraConfig(**adapter), "meta").print_trainable_parameters()
    return text.getvalue()


def base(source: random.Random) -> dict[str, Any]:
    """Draw a Llama with biases, whose sums are unlikely to be equal by chance."""
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        **SIZES,
        "num_hidden_layers": 5,
        "vocab_size": source.choice([211, 307, 401]),
        "attention_bias": True,
        "mlp_bias": True,
        "tie_word_embeddings": source.random() < 0.3,
    }


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("turn", turns(20))
def test_one_mistake_is_among_the_causes(mistake: str, turn: int) -> None:
    """It is the first where it is the only one of its number of changes; every match has PEFT's own figures."""
    changed, word = MISTAKES[mistake]
    config = base(random.Random(f"{SEED}/{mistake}/{turn}"))
    adapter = {"target_modules": BELIEVED["target"], "r": BELIEVED["r"], "lora_alpha": BELIEVED["alpha"], **changed}
    line = printed(config, adapter)
    found = explain(line, read_config(Config(config), "drawn"), **BELIEVED)
    causes = [each.cause for match in found for each in (match, *match.others)]
    assert [match.changes for match in found] == [1] * len(found), f"{line} {causes}"
    assert any(word in cause for cause in causes), f"seed {SEED}: {line} {causes}"
    for match in found:
        if not match.is_resized and "all params" not in match.cause:
            fields = {name: value for name, value in json.loads(match.config).items() if name != "peft_type"}
            assert printed(config, fields) == line, match.cause


@pytest.mark.parametrize("labels", [1, 2, 7])
def test_a_head_of_classes_is_among_the_causes(labels: int) -> None:
    """That of Llama's class for whole texts, which PEFT copies."""
    config = base(random.Random(f"{SEED}/labels")) | {"tie_word_embeddings": False}
    head = {"architectures": ["LlamaForSequenceClassification"], "num_labels": labels, "id2label": None}
    adapter = {"target_modules": ["q_proj", "v_proj"], "r": 6, "task_type": "SEQ_CLS"}
    found = explain(printed(config | head, adapter), read_config(Config(config), "drawn"), target="q_proj,v_proj", r=6)
    plural = "label" if labels == 1 else "labels"
    said = f"the model has a head of {labels} {plural} (ForSequenceClassification), which SEQ_CLS trains whole"
    assert said in [each.cause for match in found for each in (match, *match.others)]


@pytest.mark.parametrize("turn", turns(60))
def test_drawn_configurations_are_found_from_the_line_alone(turn: int) -> None:
    """With nothing believed, some match has the targets and the rank that ran."""
    source = random.Random(f"{SEED}/explain/{turn}")
    config = base(source)
    adapter = {"target_modules": source.sample(LEAVES, source.randrange(1, 8)), "r": source.choice([4, 8, 16])}
    found = explain(printed(config, adapter), read_config(Config(config), "drawn"))
    configs = [json.loads(each.config) for match in found for each in (match, *match.others)]
    ran = [
        each
        for each in configs
        if set(leaves(each.get("target_modules"))) == set(adapter["target_modules"])
        and each.get("r", 8) == adapter["r"]
    ]
    assert ran, f"seed {SEED}: {adapter} {configs}"


def leaves(target: Any) -> list[str]:
    """Return the names of targets in a Llama."""
    return ["q_proj", "v_proj"] if target is None else LEAVES if target == "all-linear" else target


def test_four_bits_are_doubled_by_peft_and_halved_elsewhere() -> None:
    """A stand-in for bitsandbytes' weights, by the name that PEFT looks for: packed, they hold half of the values."""
    source = random.Random(SEED)
    config = base(source) | {"tie_word_embeddings": False}
    adapter = {"target_modules": LEAVES, "r": 8}
    packed = type("Params4bit", (torch.nn.Parameter,), {})
    wrapped = adapters.wrapped(config, peft.LoraConfig(**adapter), "cpu")
    for name, module in wrapped.named_modules():
        if name.endswith("base_layer"):
            half = torch.empty(module.weight.numel() // 2, 1, dtype=torch.uint8)
            module.weight = packed(half, requires_grad=False)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        wrapped.print_trainable_parameters()
    trained = sum(p.numel() for p in wrapped.parameters() if p.requires_grad)
    stored = f"trainable params: {trained} || all params: {sum(p.numel() for p in wrapped.parameters())}"
    model = read_config(Config(config), "drawn")
    assert [match.cause for match in explain(text.getvalue(), model, target=LEAVES, r=8)] == ["as configured"]
    (match,) = explain(stored, model, target=LEAVES, r=8)
    assert match.cause == "all params counts packed 4-bit weights as stored, two to a byte"
