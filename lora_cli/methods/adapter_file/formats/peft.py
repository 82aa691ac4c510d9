"""PEFT: a folder with adapter_config.json, without which its file does not tell what it means.

`peft/utils/save_and_load.py`: `get_peft_model_state_dict`.
"""

from __future__ import annotations

import re

from lora_cli.methods.adapter_file.format import Format, Part
from lora_cli.models.peft_names import PEFT_MODEL

# What a prompt method saves, which adapts no module.
PROMPT = re.compile(r"prompt_embeddings$|prompt_encoder\.")


def part(key: str) -> Part | None:
    """Return the module and the tensor of a key of PEFT.

    >>> part("base_model.model.q_proj.lora_A.weight")
    Part(module='base_model.model.q_proj.lora_A', tensor='weight')
    """
    if not key.startswith(PEFT_MODEL) and PROMPT.match(key) is None:
        return None
    module, _, tensor = key.rpartition(".")
    return Part(module, tensor)


FORMAT = Format("peft", "PEFT", part, None)
