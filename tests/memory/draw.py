"""Draw configurations of a family and let the oracle say what each takes, a row a draw.

    PYTHONPATH=. python tests/memory/draw.py --family llama --count 30 --seed 0 [--write FILE]

The same seed gives the same rows. What the oracle or PEFT refuses is said on stderr and drawn again. Needs the `peft` extra.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import torch
import transformers
from torch import nn

from tests.memory.drawn_families import FAMILIES, TASKS, drawn_config
from tests.memory.fake_model import auto_class, load_config
from tests.memory.oracle import Settings, measure

RANKS = (1, 4, 8, 16, 64)
PLAIN_LORA = 0.6


def linears(config: dict[str, Any], task: str) -> list[str]:
    """Return the last names of a model's linear layers, the heads apart, and numbers, which are those of blocks too."""
    built = load_config(config)
    with torch.device("meta"):
        model = auto_class(task, built).from_config(built)
    heads = ("lm_head", "score", "classifier", "qa_outputs", "embed_out", "out_proj_head")
    kinds = (nn.Linear, transformers.pytorch_utils.Conv1D)
    found = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, kinds)}
    return sorted(name for name in found - set(heads) if not name.isdigit())


def some(random: Random, names: list[str]) -> list[str]:
    """Return one or more of some names."""
    return sorted(random.sample(names, random.randint(1, len(names))))


def lora(random: Random, names: list[str], task: str) -> dict[str, Any]:
    """Return a LoRA config, plain more often than not."""
    adapter: dict[str, Any] = {"peft_type": "LORA", "r": random.choice(RANKS), "lora_alpha": 16}
    adapter["target_modules"] = "all-linear" if random.random() < 0.4 else some(random, names)
    adapter["lora_dropout"] = random.choice((0.0, 0.0, 0.1))
    if random.random() < PLAIN_LORA:
        return adapter
    adapter["use_dora"] = random.random() < 0.4
    adapter["use_rslora"] = random.random() < 0.2
    if random.random() < 0.4:
        adapter["rank_pattern"] = {name: random.choice(RANKS) for name in some(random, names)[:2]}
    if random.random() < 0.3 and task == "CAUSAL_LM":
        adapter["modules_to_save"] = random.choice((["lm_head"], ["embed_tokens"]))
    if random.random() < 0.15 and adapter["target_modules"] != "all-linear":
        adapter["target_modules"] = [*adapter["target_modules"], "embed_tokens"]
    return adapter


def other_method(random: Random, names: list[str], task: str) -> dict[str, Any]:
    """Return a config of one of the methods whose forward is linear in x; an image has no prompt."""
    r, targets = random.choice((2, 4, 8)), some(random, names)
    low_rank = {"r": r, "alpha": 8, "target_modules": targets}
    methods: list[dict[str, Any]] = [
        {"peft_type": "LOHA", **low_rank},
        {"peft_type": "LOKR", **low_rank, "decompose_both": random.random() < 0.3},
        {"peft_type": "HIRA", "r": r, "target_modules": targets},
        {"peft_type": "VERA", "r": 16 * r, "target_modules": targets[:1]},
        {"peft_type": "IA3", "target_modules": targets, "feedforward_modules": targets[-1:]},
        {"peft_type": "OFT", "oft_block_size": 8, "target_modules": targets},
    ]
    if task != "IMAGE_CLS":
        tokens = {"num_virtual_tokens": random.choice((8, 20))}
        methods += [{"peft_type": kind, **tokens} for kind in ("PROMPT_TUNING", "PREFIX_TUNING")]
    return random.choice(methods)


def drawn_adapter(random: Random, config: dict[str, Any], task: str) -> dict[str, Any]:
    """Return an adapter config: LoRA mostly, another method, or nothing but the task for full fine-tuning."""
    names, kind = linears(config, task), random.random()
    if kind < 0.05:
        adapter: dict[str, Any] = {}
    else:
        adapter = lora(random, names, task) if kind < 0.75 else other_method(random, names, task)
    if config["model_type"] == "gpt2" and adapter.get("peft_type") in ("LORA", "IA3", "VERA"):
        adapter["fan_in_fan_out"] = True
    return adapter | {"task_type": task}


def drawn_settings(random: Random, config: dict[str, Any]) -> Settings:
    """Return how a step is trained."""
    precision = random.choices(["bfloat16", "float16", "float32"], [8, 2, 1])[0]
    low = "bfloat16" if precision == "float32" else precision
    autocast = low if random.random() < 0.12 else None
    quant = random.choice(["nf4", "nf4-dq", "int8"]) if random.random() < 0.15 and precision != "float32" else None
    eager = random.random() < 0.3 or config["model_type"] in ("gemma2", "gpt_oss")
    optimizers = ["adamw_fused", "adamw_foreach", "adamw_8bit", "paged_adamw_8bit", "sgd", "adafactor"]
    return Settings(
        batch=random.randint(1, 4) * (4 if "image_size" in config else 1),
        seq=random.choice([32, 128, 200, 256, 512, 1000, 1024, 2048]),
        dtype=precision,
        adapter_dtype="base" if random.random() < 0.2 else "float32",
        attention="eager" if eager else "sdpa",
        checkpointing=random.random() < 0.45,
        padded=random.random() < 0.25,
        logits_kept=random.random() < 0.15,
        optimizer=random.choices(optimizers, [10, 3, 1, 1, 1, 1])[0],
        autocast=None if quant else autocast,
        quant=quant,
        kbit_prepare=random.random() < 0.8 if quant else None,
    )


def draws(family: str, seed: int) -> Iterator[dict[str, Any]]:
    """Return random configurations of a family without an end, each from a seed of its own."""
    number = 0
    while True:
        random = Random(f"{family} {seed} {number}")
        task = random.choice(TASKS.get(family, ("CAUSAL_LM",)))
        config = drawn_config(family, random)
        settings = drawn_settings(random, config)
        adapter = drawn_adapter(random, config, task)
        row = {"id": f"{family}-{seed}-{number}", "family": family, "config": config, "adapter": adapter}
        yield row | {"settings": asdict(settings)}
        number += 1


def measured(drawn: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Measure draws, but for those that PEFT, transformers or the oracle refuses."""
    for draw in drawn:
        try:
            row = measure(draw["config"], draw["adapter"], Settings(**draw["settings"]))
        except Exception as error:  # noqa: BLE001 (PEFT and transformers refuse in many ways)
            reason = f"{type(error).__name__}: {error}".split("\n")[0][:160]
            print(f"{draw['id']} not measured: {reason}", file=sys.stderr, flush=True)
            continue
        del row["seconds"]
        yield draw | row


def rows(family: str, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Measure draws until there are so many."""
    return islice(measured(draws(family, seed)), count)


def main() -> None:
    """Print or write one family's rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--family", choices=[*sorted(FAMILIES), "all"], required=True)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="a file that gets a JSON row a line, at once as it is measured")
    a = parser.parse_args()
    warnings.filterwarnings("ignore")
    families = sorted(FAMILIES) if a.family == "all" else [a.family]
    out = a.write.open("w", encoding="utf-8") if a.write else sys.stdout
    with out:
        for family in families:
            for row in rows(family, a.seed, a.count):
                print(json.dumps(row, separators=(",", ":")), file=out, flush=True)


if __name__ == "__main__":
    main()
