"""PEFT: a folder with adapter_config.json, without which its file tells neither alpha nor how an update is scaled.

`peft/utils/save_and_load.py`: `get_peft_model_state_dict`. A folder with its config is a `TrainedAdapter`; what follows
reads a file that has lost it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from sys import intern

from lora_cli.methods.adapter_file.algorithm_update import algorithm_update
from lora_cli.methods.adapter_file.format import AdapterFile, Format, Part, Refusal
from lora_cli.methods.adapter_file.formats.comfyui import MODEL
from lora_cli.methods.adapter_file.formats.diffusers import COMPONENT
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.models.peft_names import ADAPTER_CONFIG, BASE_MODEL, PEFT_MODEL

# What a prompt method saves, which adapts no module.
PROMPT = re.compile(r"prompt_embeddings$|prompt_encoder\.")
# The names of LoRA and its kin, whose last part is that of a module or a parameter within. That of the adapter is between
# them where a file was not written by `save_pretrained`.
NESTED = re.compile(
    r"(?P<module>.+)\.(?P<tensor>lora_\w+|hada_\w+|lokr_\w+)(?:\.(?!(?:weight|bias)$)\w+)?(?P<leaf>(?:\.(?:weight|bias))?)"
)
# Those of LoRA in keys that have lost PEFT's root.
ROOTLESS = re.compile(r".+\..+\.(?:lora_(?:embedding_)?[AB]|lora_magnitude_vector)(?:\.\w+)*")


def part(key: str) -> Part | None:
    """Return the module and the tensor of a key.

    >>> part("base_model.model.q_proj.lora_A.weight")
    Part(module='q_proj', tensor='lora_A.weight')
    >>> part("base_model.model.q_proj.lora_B.default.weight")
    Part(module='q_proj', tensor='lora_B.weight')
    >>> part("unet.mid_block.to_q.lora_A.weight")
    """
    has_root = key.startswith(PEFT_MODEL) or PROMPT.match(key) is not None
    if not has_root and (COMPONENT.match(key) or MODEL.match(key) or ROOTLESS.fullmatch(key) is None):
        return None
    name = key.removeprefix(BASE_MODEL)
    match = NESTED.fullmatch(name)
    module, tensor = name.rpartition(".")[::2] if match is None else (match["module"], match["tensor"] + match["leaf"])
    return Part(intern(module), intern(tensor))


def updates(file: AdapterFile) -> Iterator[ModuleUpdate]:
    """Yield the updates of a file without its config; those of other methods than LoRA's kin do not tell."""
    for module, tensors in file.modules.items():
        update = algorithm_update(module, tensors, None, lambda _r: None)
        yield ModuleUpdate(module, "unknown", tensors, reason="its method is not known") if update is None else update


def refusals(file: AdapterFile) -> Iterator[Refusal]:
    """Yield why PEFT does not load it."""
    yield Refusal(
        f"there is no {ADAPTER_CONFIG} beside the file, so its method and its alpha are not known",
        f"copy {ADAPTER_CONFIG} from where the adapter was trained",
    )


FORMAT = Format("peft", "PEFT", part, updates, refusals=refusals)
