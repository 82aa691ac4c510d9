"""ComfyUI: one file with the dotted names of the code that a model was published with, for its image or video model.

ComfyUI's `comfy/lora.py` (`load_lora`, `model_lora_keys_unet`, `model_lora_keys_clip`) and `comfy/weight_adapter/*.py`. AI
Toolkit, musubi-tuner, LightX2V and others write such files. A key is the module's name and the tensor's, in kohya's words
or in PEFT's; kohya's stand behind names of diffusers, too, as in AI Toolkit's LoKr. XLabs' trainer of FLUX.1 names the
processors of attentions, which `comfy/lora_convert.py` (`convert_uso_lora`) takes for the Linears there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from sys import intern

from lora_cli.methods.adapter_file.algorithm_table import A, B
from lora_cli.methods.adapter_file.algorithm_update import ALPHA, algorithm_update
from lora_cli.methods.adapter_file.format import PIPELINE_TO_PEFT, AdapterFile, BaseNames, Format, Part
from lora_cli.methods.adapter_file.formats import diffusers, kohya
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.methods.adapter_file.published_names import published_names
from lora_cli.models.peft_names import PEFT_MODEL

# The models that ComfyUI's own names begin with, of which text encoders have a name of their own.
MODEL = re.compile(r"diffusion_model\.|(?P<encoder>text_encoders\.[^.]+)\.(?:transformer\.)?")
# The spellings of A and B, which also files without these models have where they are not kohya's.
FACTORS = {
    "lora_A.weight": A,
    "lora_B.weight": B,
    "lora_A.default.weight": A,
    "lora_B.default.weight": B,
    "lora.down.weight": A,
    "lora.up.weight": B,
    "lora_A": A,
    "lora_B": B,
}
TENSORS = {name: kohya.PEFT_NAMES.get(name, name) for name in kohya.TENSORS} | FACTORS
# The names of tensors that are an adapter's behind any module.
TELLING = re.compile(r"lora_(?:down|up|mid)\.|hada_|lokr_|oft_blocks$|dora_scale$|diff(?:_b)?$|[wb]_norm$|alpha$")
# The keys of XLabs, and the Linears of a block that the last parts of their modules are of.
XLABS = re.compile(
    r"(?:diffusion_model\.)?(?P<block>(?:double|single)_blocks\.\d+)\.processor\."
    r"(?P<name>(?:qkv|proj)_lora[12]?)\.(?P<factor>down|up)\.weight"
)
PROCESSORS = {
    "qkv_lora1": "img_attn.qkv",
    "proj_lora1": "img_attn.proj",
    "qkv_lora2": "txt_attn.qkv",
    "proj_lora2": "txt_attn.proj",
    "qkv_lora": "linear1_qkv",
    "proj_lora": "linear2",
}
# The Linear whose first rows are linear1_qkv.
FUSED = re.compile(r"single_blocks\.\d+\.linear1")
# `lora_A.default.weight` has most parts.
PARTS = 3


def part(key: str) -> Part | None:
    """Return the module and the tensor of a key, LoRA's with PEFT's names.

    >>> part("diffusion_model.blocks.0.cross_attn.k.lora_up.weight")
    Part(module='diffusion_model.blocks.0.cross_attn.k', tensor='lora_B.weight')
    >>> part("transformer.x_embedder.lokr_w1")
    Part(module='transformer.x_embedder', tensor='lokr_w1')
    >>> part("double_blocks.0.processor.proj_lora2.up.weight")
    Part(module='diffusion_model.double_blocks.0.txt_attn.proj', tensor='lora_B.weight')
    >>> part("transformer.x_embedder.lora_A.weight")
    """
    if diffusers.PROCESSOR in key and (found := XLABS.fullmatch(key)) is not None:
        module = f"diffusion_model.{found['block']}.{PROCESSORS[found['name']]}"
        return Part(intern(module), A if found["factor"] == "down" else B)
    module, tensor = ("", "") if key.startswith(PEFT_MODEL) else _split(key)
    if not tensor:
        return None
    is_told = TELLING.match(tensor) is not None and "." in module and kohya.PREFIX.match(module) is None
    return Part(intern(module), intern(TENSORS[tensor])) if is_told or MODEL.match(key) else None


def _split(key: str) -> tuple[str, str]:
    """Return the module and the tensor of a key, whose name is the longest of those that the key ends with."""
    module, at = key, len(key)
    for _ in range(PARTS):
        at = key.rfind(".", 0, at)
        if at < 1:
            break
        if key[at + 1 :] in TENSORS:
            module = key[:at]
    return module, key[len(module) + 1 :]


def updates(file: AdapterFile) -> Iterator[ModuleUpdate]:
    """Yield the updates of a file: a missing alpha stands for the rank, and one of 0 for no update."""
    alphas = file.numbers(ALPHA)
    for module, tensors in file.modules.items():
        alpha = kohya.alpha_of(module, tensors, alphas)
        is_known = ALPHA not in tensors or module in alphas
        update = algorithm_update(module, tensors, alpha, partial(_scaling, alpha, is_known=is_known))
        if update is not None:
            yield update


def _scaling(alpha: float | None, r: int, *, is_known: bool) -> float | None:
    return (1.0 if alpha is None else alpha / r) if is_known else None


def component(module: str) -> str:
    """Return which model a module belongs to.

    >>> component("diffusion_model.blocks.0.ffn.0"), component("text_encoders.clip_l.transformer.text_model.final")
    ('diffusion_model', 'text_encoders.clip_l')
    """
    found = MODEL.match(module)
    return diffusers.component(module) if found is None else found["encoder"] or "diffusion_model"


def base_part(module: str) -> str:
    """Return a module's name within its model.

    >>> base_part("diffusion_model.blocks.0.ffn.0"), base_part("transformer.x_embedder")
    ('blocks.0.ffn.0', 'x_embedder')
    """
    return diffusers.base_part(MODEL.sub("", module, count=1))


def other_names(names: Iterable[str]) -> BaseNames:
    """Return a model's modules by their published names, and by ComfyUI's for the rows of queries, keys and values.

    >>> block = "single_transformer_blocks.0."
    >>> parts = ["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"]
    >>> other_names(["x_embedder", *(block + part for part in parts)])["single_blocks.0.linear1_qkv"]
    ('single_transformer_blocks.0.attn.to_q', 'single_transformer_blocks.0.attn.to_k', 'single_transformer_blocks.0.attn.to_v')
    """
    published = published_names(names)
    rows = {f"{name}_qkv": own[:3] for name, own in published.items() if FUSED.fullmatch(name)}
    return published | rows


FORMAT = Format(
    "comfyui",
    "ComfyUI",
    part,
    updates,
    kohya.facts,
    base_part=base_part,
    other_names=other_names,
    # As of kohya's trainers, whose default alpha is 1.
    least_scaling=0,
    instead=PIPELINE_TO_PEFT,
    is_of_pipeline=True,
    component=component,
)
