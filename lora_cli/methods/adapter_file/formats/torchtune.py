"""torchtune: the adapter's tensors under the names of torchtune's own models.

torchtune 0.6's `modules/peft/lora.py` and `dora.py`, `models/convert_weights.py` (`tune_to_peft_adapter_weights`) and
`training/checkpointing/_checkpointer.py`, which saves these names only pickled, as adapter_model.pt. Alpha is in no
tensor, but in the config that the checkpointer writes beside its file for PEFT.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from sys import intern

from lora_cli.methods.adapter_file.algorithm_table import A, B
from lora_cli.methods.adapter_file.algorithm_update import algorithm_update
from lora_cli.methods.adapter_file.facts import FactReader, TrainingFacts, finite_number, rank_number
from lora_cli.methods.adapter_file.format import AdapterFile, Fields, Format, Metadata, Part
from lora_cli.methods.adapter_file.module_update import ModuleUpdate

PEFT_NAMES = {"lora_a.weight": A, "lora_b.weight": B, "magnitude": "lora_magnitude_vector"}
KEY = re.compile(r"(?P<module>.+)\.(?P<tensor>lora_[ab]\.weight|magnitude)")
# The parts of names that are others on transformers' models (`_FROM_HF`).
PARTS = {
    "attn": "self_attn",
    "output_proj": "o_proj",
    "w1": "gate_proj",
    "w2": "down_proj",
    "w3": "up_proj",
    "output": "lm_head",
    "tok_embeddings": "embed_tokens",
}
INNER = ("layers.", "embed_tokens")


def part(key: str) -> Part | None:
    """Return the module and the tensor of a key, with PEFT's names.

    >>> part("layers.0.attn.q_proj.lora_a.weight")
    Part(module='layers.0.attn.q_proj', tensor='lora_A.weight')
    """
    match = KEY.fullmatch(key)
    return None if match is None else Part(intern(match["module"]), PEFT_NAMES[match["tensor"]])


def updates(file: AdapterFile) -> Iterator[ModuleUpdate]:
    """Yield the updates of a file, which have one alpha."""
    alpha = finite_number(file.fields.get("lora_alpha"))
    rank = rank_number(file.fields.get("r"))
    for module, tensors in file.modules.items():
        update = algorithm_update(module, tensors, alpha, partial(_scaling, alpha), rank)
        if update is not None:
            yield update


def _scaling(alpha: float | None, r: int) -> float | None:
    return None if alpha is None else alpha / r


def facts(metadata: Metadata, fields: Fields) -> TrainingFacts:
    """Return the base model that a config beside the file names."""
    name = fields.get("base_model_name_or_path")
    return TrainingFacts(base_model=FactReader({"name": name}).text("name") if isinstance(name, str) else None)


def base_part(module: str) -> str:
    """Return the name that transformers' model has for a module.

    >>> base_part("layers.0.attn.output_proj"), base_part("output")
    ('model.layers.0.self_attn.o_proj', 'lm_head')
    """
    name = ".".join(PARTS.get(part, part) for part in module.split("."))
    return f"model.{name}" if name.startswith(INNER) else name


FORMAT = Format(
    "torchtune",
    "torchtune",
    part,
    updates,
    facts,
    base_part=base_part,
    instead="use the adapter_model.safetensors that torchtune's FullModelHFCheckpointer writes for PEFT, or convert it "
    "with tune_to_peft_adapter_weights: renamed alone, the rows of B for q_proj and k_proj stay in another order",
)
