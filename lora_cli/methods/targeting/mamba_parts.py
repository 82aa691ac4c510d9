"""The parts of Mamba that PEFT refuses, because Mamba's kernels use their weights without calling the modules.

`peft/tuners/tuners_utils.py`: `_check_lora_target_modules_mamba`, which knows some of the models with Mamba.
"""

from __future__ import annotations

import json

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.model_types import MAMBA_PARTS, MAMBA_TYPES


def check_mamba(name: str, model_type: str, method: str) -> None:
    """Refuse a module by its name, as a target or as the owner of a target parameter.

    >>> check_mamba("layers.0.mixer.in_proj", "mamba", "lora")
    >>> check_mamba("layers.0.mixer.out_proj", "bamba", "lora")
    """
    if (
        model_type in MAMBA_TYPES
        and name.rpartition(".")[2] in MAMBA_PARTS
        and method_named(method).refuses_mamba_parts
    ):
        raise InvalidInput(
            f"PEFT refuses the target {quote_long(name)}, whose weight Mamba uses without calling the module; "
            f"leave out {' and '.join(MAMBA_PARTS)}, e.g. by exclude_modules={json.dumps(MAMBA_PARTS)}"
        )
