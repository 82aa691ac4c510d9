"""Fits against PEFT itself: it loads what --write writes, counts the same, and counts the next size over the budget."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import peft
import pytest

from lora_cli import InvalidInput
from lora_cli.analysis.count.count_plan import make_plan
from lora_cli.analysis.fit.knob_search import KnobSearch
from lora_cli.methods import METHODS, method_named
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import drawn
import methods
from seed import SEED

TURNS = 2
LORA_CLI = [sys.executable, "-m", "lora_cli"]
# What some methods need or are too large without, and the models that they go with.
NEEDED: dict[str, dict[str, Any]] = {
    "adalora": {"total_step": 100},
    "adaption_prompt": {"adapter_layers": 1},
    "vblora": {"vector_length": 1, "num_vectors": 3},
    "cpt": {"task_type": "CAUSAL_LM"},
    "trainable_tokens": {"token_indices": [1, 2]},
    "ia3": {"feedforward_modules": []},
    "road": {"group_size": 2},
    "gralora": {"gralora_k": 1},
    "shadow": {"shadow_num_hidden_layers": 1},
}
SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 64}
# get_peft_model takes a prompt for a task alone: what these are for.
WRITERS = {"ForCausalLM": "CAUSAL_LM", "LMHeadModel": "CAUSAL_LM", "ForConditionalGeneration": "SEQ_2_SEQ_LM"}


def case(method: str, source: random.Random) -> tuple[dict[str, Any], KnobSearch]:
    """Draw a small model, and a method's config on it with without its size."""
    while True:
        model_type = source.choice([name for name in methods.ONLY.get(method, methods.MODELS) if name != "mixtral"])
        config = drawn.draw(model_type, adapters.classes(model_type), source)
        config |= {"vocab_size": 64, "pad_token_id": 0} if model_type not in {"vit", "whisper"} else {}
        model = read_config(Config(config), "drawn")
        sides = max(max(module.d, module.h) for module in model.modules)
        task = next((task for ending, task in WRITERS.items() if config["architectures"][0].endswith(ending)), None)
        prompts = method_named(method).is_prompt
        if sides > methods.MOST_SIDE or (prompts and (task is None or model_type == "whisper")):
            continue
        fields = {"peft_type": method.upper(), **({"task_type": task} if prompts else {}), **NEEDED.get(method, {})}
        if method_named(method).module_kinds and method != "trainable_tokens":
            leaves = adapters.leaf_names(m.name for m in model.modules if m.kind == "Linear" and m.name != model.output)
            if not leaves:
                continue
            fields["target_modules"] = source.choice(["all-linear", source.sample(leaves, min(2, len(leaves)))])
        try:
            search = KnobSearch(make_plan(model, read_adapter_config(Config(fields), method)[0]), fields, "drawn")
            _ = (search.at(first(search)) if search.knob else search.as_configured()).record()
        except (InvalidInput, StopIteration):
            # PEFT refuses what was drawn, or no size goes with it.
            continue
        return config, search


def first(search: KnobSearch) -> int:
    """Return the smallest size of the knob that is looked at."""
    sizes = search.plan.method.open_sizes
    assert sizes is not None
    return next(run[0] for run in sizes(search.plan.targets.places, search.plan.settings) if run)


def theirs(config: dict[str, Any], adapter: peft.PeftConfig) -> tuple[int, int]:
    """Return PEFT's two figures of a config on a model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = drawn.build(config, "cpu")
        return tuple(peft.get_peft_model(model, adapter).get_nb_trainable_parameters())


@pytest.mark.parametrize("method", [name for name in METHODS if name != "xlora"])
@pytest.mark.parametrize("turn", range(TURNS))
def test_peft_loads_what_is_written_and_counts_the_same(method: str, turn: int, tmp_path: Path) -> None:
    """The two figures are the record's; at the next size PEFT's own are over the budget by the overshoot."""
    source = random.Random(f"{SEED}/{method}/{turn}")
    config, search = case(method, source)
    small = (search.at(first(search)) if search.knob else search.as_configured()).trainable_params
    budget = int(small * source.choice([1, 1.5, 4, 9])) + source.randint(0, 50)
    (tmp_path / "config.json").write_text(json.dumps(config))
    sets = [f"--set={name}={json.dumps(value)}" for name, value in search.fields.items() if name != "peft_type"]
    written = tmp_path / "adapter"
    done = subprocess.run(
        [
            *(*LORA_CLI, "fit", "--model", str(tmp_path / "config.json"), "--method", method, *sets),
            *("--max-params", str(budget), "--write", str(written), "--format", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    context = f"seed {SEED}: {config} {search.fields} {budget} {done.stderr}"
    assert done.returncode == 0, context
    (record,) = json.loads(done.stdout)["results"]
    assert record["trainable_params"] <= budget
    loaded = peft.PeftConfig.from_pretrained(str(written))
    assert type(loaded).__name__ != "PeftConfig"
    assert theirs(config, loaded) == (record["trainable_params"], record["all_params"]), context
    if record["next_size"] is not None:
        after = peft.PeftConfig.from_pretrained(str(written))
        setattr(after, record["knob"], record["next_size"])
        assert theirs(config, after)[0] == budget + record["overshoot"] > budget, context


def test_a_config_that_peft_saved_is_fitted_anew(tmp_path: Path) -> None:
    """Of a trained adapter's config all but the size is kept, and what is written trains again."""
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **SMALL}
    (tmp_path / "config.json").write_text(json.dumps(config))
    saved = peft.LoraConfig(r=2, lora_alpha=7, target_modules=["q_proj", "up_proj"], rank_pattern={"up_proj": 3})
    peft.get_peft_model(drawn.build(config, "cpu"), saved).save_pretrained(tmp_path / "trained")
    source = ["--model", str(tmp_path / "config.json"), "--adapter", str(tmp_path / "trained")]
    command = [*LORA_CLI, "fit", *source, "--max-bytes", "9kB", "--write", str(tmp_path / "new"), "--format", "json"]
    (record,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["results"]
    loaded = peft.PeftConfig.from_pretrained(str(tmp_path / "new"))
    assert (loaded.lora_alpha, loaded.rank_pattern, loaded.r) == (7, {"up_proj": 3}, record["r"])
    for size, fits in ((record["r"], True), (record["next_size"], False)):
        loaded.r = size
        model = peft.get_peft_model(drawn.build(config, "cpu"), loaded)
        model.save_pretrained(tmp_path / str(size))
        assert ((tmp_path / str(size) / "adapter_model.safetensors").stat().st_size <= 9_000) is fits
        assert fits is (model.get_nb_trainable_parameters() == (record["trainable_params"], record["all_params"]))
