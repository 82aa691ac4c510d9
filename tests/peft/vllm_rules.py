"""vLLM's own checks of an adapter, run on drawn ones: `check --loads-in vllm` must refuse the same.

`python tests/peft/vllm_rules.py --source FOLDER` runs them. FOLDER is where a wheel of the vLLM that the rules are from
was unpacked (`pip download --no-deps vllm==VERSION`). Of its source only `lora/peft_helper.py` and the names of tensors in
`lora/utils.py` are run, so that neither a card nor vLLM's dependencies are needed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from adapter_files import CONFIG, pair, write_adapter

from lora_cli import InvalidInput
from lora_cli.analysis.inspect.inspect import inspect
from lora_cli.analysis.loaders.destination import read_destinations

CASES = 1500
Q = "model.layers.0.self_attn.q_proj"
STARTS = (
    "gaussian",
    "Gaussian",
    "pissa",
    "pissa_niter_4",
    "olora",
    "corda",
    "eva",
    "loftq",
    "orthogonal",
    "mica",
    "lora_ga",
)
# Values to draw from; a field is most often left out.
FIELDS: dict[str, list[Any]] = {
    "use_dora": [True, False],
    "lora_bias": [True, False],
    "bias": ["none", "all", "lora_only"],
    "use_rslora": [True],
    "modules_to_save": [None, [], ["lm_head"], ["score"], ["classifier", "score"]],
    "init_lora_weights": [True, False, *STARTS],
    "alora_invocation_tokens": [None, [], [1]],
    "layer_replication": [None, [], [[0, 1]]],
    "use_bdlora": [None, {"target_modules_bd_a": ["q_proj"], "nblocks": 2}],
    "use_qalora": [True, False],
    "rank_pattern": [{}, {"k_proj": 32}, {"k_proj": 1}],
}
KEYS = (
    *(f"{Q}.{name}" for name in ("lora_magnitude_vector", "bias", "lora_B.bias", "lora_A.default.weight", "lora_E")),
    *(
        f"model.embed_tokens.{name}"
        for name in ("weight", "base_layer.weight", "trainable_tokens_delta", "lora_embedding_A")
    ),
    *("lm_head.base_layer.weight", "score.weight", "classifier.bias", "x.lora_C.weight"),
)


def vllm(source: Path) -> tuple[Any, dict[str, Any]]:
    """Return vLLM's `PEFTHelper`, and its functions for the names of tensors."""
    logger = SimpleNamespace(info_once=lambda *_: None)
    stubs: dict[str, dict[str, Any]] = {
        "regex": vars(re),
        "vllm": {},
        "vllm.config": {},
        "vllm.config.lora": {"LoRAConfig": object},
        "vllm.logger": {"init_logger": lambda _: logger},
        "peft_helper": {},
    }
    for name, content in stubs.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update({key: value for key, value in content.items() if not key.startswith("__")})
    helper, names = vars(sys.modules["peft_helper"]), {"annotations": None}
    exec((source / "vllm/lora/peft_helper.py").read_text(), helper)  # noqa: S102 - what is compared with
    text = (source / "vllm/lora/utils.py").read_text()
    text = text[text.index("def parse_fine_tuned_lora_name") : text.index("def get_supported_lora_modules")]
    exec(f"from __future__ import annotations\n{text}", names)  # noqa: S102 - the same
    return helper["PEFTHelper"], names


def refusal(peft_helper: Any, names: dict[str, Any], config: dict[str, Any], keys: list[str], most: int) -> str | None:
    """Return why vLLM refuses a config or a key, or None."""
    try:
        peft_helper.from_dict(config).validate_legal(SimpleNamespace(max_lora_rank=most))
        for key in keys:
            if not names["is_base_embedding_weights"](key):
                names["parse_fine_tuned_lora_name"](key)
    except ValueError as error:
        return str(error)
    return None


def main() -> int:
    """Compare drawn adapters, and say where the two disagree."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder with the vllm package")
    peft_helper, names = vllm(parser.parse_args().source)
    source, drawn, refused, wrong = random.Random(0), 0, 0, 0
    for _ in range(CASES):
        r, most = source.choice([4, 8, 16, 24, 64, 600]), source.choice([8, 16, 32, 64, 512])
        config = {"r": r} | {name: source.choice(of) for name, of in FIELDS.items() if source.random() < 0.12}
        config |= {"task_type": "CAUSAL_LM"} if config.get("alora_invocation_tokens") else {}
        dropped = {name for name in ("r", "lora_alpha", "target_modules") if source.random() < 0.03}
        written = {name: value for name, value in (CONFIG | config).items() if name not in dropped}
        arrays = pair(Q, np.ones((r, 64), "<f4"), np.ones((64, r), "<f4"))
        arrays |= {key: np.ones((2, 2), "<f4") for key in KEYS if source.random() < 0.03}
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = write_adapter(Path(folder), arrays)
                (Path(folder) / "adapter_config.json").write_text(json.dumps(written))
                found = inspect(path, values=False)
            except InvalidInput:
                # What PEFT itself refuses is compared elsewhere.
                continue
        why = refusal(peft_helper, names, written, [f"base_model.model.{key}" for key in arrays], most)
        (destination,) = read_destinations(["vllm"], None, most)
        codes = [each.code for each in destination.findings(found) if destination.refuses(each)]
        drawn, refused = drawn + 1, refused + (why is not None)
        if (why is None) != (not codes):
            wrong += 1
            print(f"vLLM: {why}; here: {codes}; {config} {[*arrays][2:]}")
    print(f"{drawn} drawn, {refused} refused by vLLM, {wrong} disagree")
    return min(1, wrong)


if __name__ == "__main__":
    sys.exit(main())
