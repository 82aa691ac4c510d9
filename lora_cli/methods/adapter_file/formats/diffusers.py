"""diffusers: one file for the models of a pipeline, whose names begin the keys, or for one model without a name.

diffusers 0.42's `loaders/peft.py` (`load_lora_adapter`), `loaders/lora_base.py` (`_load_lora_into_text_encoder`),
`loaders/lora_pipeline.py` (`lora_state_dict`), `utils/state_dict_utils.py` (the spellings) and `utils/peft_utils.py`
(`get_peft_kwargs`). Alpha is that of the metadata (`pipeline_metadata.py`), or of the file's tensors, or else the rank.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from sys import intern
from typing import NamedTuple

from lora_cli.methods.adapter_file.algorithm_table import A, B
from lora_cli.methods.adapter_file.algorithm_update import ALPHA, Scaling, algorithm_update
from lora_cli.methods.adapter_file.format import PIPELINE_TO_PEFT, AdapterFile, Fields, Format, Metadata, Part, Refusal
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.methods.adapter_file.pipeline_metadata import ENTRY, UNTOLD, ModelConfig, model_configs
from lora_cli.models.peft_names import PEFT_MODEL

# The models of its pipelines that an adapter can be loaded into (`_lora_loadable_modules`); GPT-2 has a transformer too.
COMPONENT = re.compile(
    r"(unet|prior|transformer(?!\.h\.)(?:_2|_ref)?|connectors|text_conditioner|text_encoder(?:_[23])?)\.(?=.)"
)
UNET, TEXT_ENCODER = "unet", "text_encoder"
# The names of tensors, those of today first.
TENSORS = {
    **{name: name for name in (A, B, "lora_B.bias", "lora_magnitude_vector", "lora_magnitude_vector.weight", ALPHA)},
    "lora.down.weight": A,
    "lora.up.weight": B,
    "lora_linear_layer.down.weight": A,
    "lora_linear_layer.up.weight": B,
}
LORA = ".lora"
# In the oldest files the processor of an attention holds them.
OLD = "_lora."
OLD_KEY = re.compile(r"(?P<attention>.+)\.to_(?P<which>q|k|v|out)_lora\.(?P<factor>down|up)\.weight")
IN_TEXT = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "out": "out_proj"}
IN_ATTENTION = {"q": "to_q", "k": "to_k", "v": "to_v", "out": "to_out.0"}
PROCESSOR = ".processor."
# What decides how diffusers reads the keys of a model: a text encoder's by any of these, others by the first key.
TODAY, READABLE_TEXT = "lora_A", re.compile(r"to_out_lora|lora_linear_layer|\.(?:[qkv]|out)_proj\.lora_A\.weight$")
# How names of kohya's begin, which have no dot.
UNDERSCORED = ("lora_", "lycoris_")
SKIPPED = "its keys are spelled otherwise than the first one of its model"
DIVIDE = "multiply B by alpha / r, and remove the keys of alpha"


def part(key: str) -> Part | None:
    """Return the module and the tensor of a key, with PEFT's names.

    >>> part("unet.mid_block.attn1.processor.to_out_lora.down.weight")
    Part(module='unet.mid_block.attn1.to_out.0', tensor='lora_A.weight')
    >>> part("text_encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight")
    Part(module='text_encoder.layers.0.self_attn.q_proj', tensor='lora_B.weight')
    """
    if key.startswith(PEFT_MODEL):
        return None
    key = key.replace(PROCESSOR, ".")
    if OLD in key and (old := OLD_KEY.fullmatch(key)) is not None:
        names = IN_TEXT if key.startswith(TEXT_ENCODER) else IN_ATTENTION
        return Part(intern(f"{old['attention']}.{names[old['which']]}"), A if old["factor"] == "down" else B)
    at = key.rfind(LORA)
    at = key.rfind(".") if at < 0 else at
    module, tensor = key[:at], TENSORS.get(key[at + 1 :])
    if tensor is None or at < 1 or ("." not in module and module.startswith(UNDERSCORED)):
        return None
    return Part(intern(module), tensor)


def component(module: str) -> str:
    """Return the model of a pipeline that a module belongs to, "" for the only model of a file.

    >>> component("text_encoder_2.text_model.encoder.layers.0"), component("down_blocks.0.conv")
    ('text_encoder_2', '')
    """
    found = COMPONENT.match(module)
    return "" if found is None else found[1]


def base_part(module: str) -> str:
    """Return a module's name within its model, as transformers 5 calls those of CLIP.

    >>> base_part("text_encoder.text_model.encoder.layers.0.mlp.fc1")
    'encoder.layers.0.mlp.fc1'
    """
    return _own_name(module).removeprefix("text_model.")


# The alpha of a module, what the loader multiplies an update of a rank by, and the rank that a config says.
Said = tuple[float | None, Scaling, int | None]


def _own_name(module: str) -> str:
    """Return a module's name within its model, as the file has it."""
    return COMPONENT.sub("", module, count=1)


class _Assumed(NamedTuple):
    """What diffusers assumes of a model without metadata (`get_peft_kwargs`).

    `alphas` are those of the file's tensors, `alpha` is the usual one of them, `is_known` whether they could be read.
    `first_rank` is the alpha of all modules before diffusers 0.40, where ranks differ and the file has no alpha.
    """

    alphas: Mapping[str, float]
    alpha: float | None
    is_known: bool
    first_rank: int | None

    def scaling(self, module: str, r: int) -> float | None:
        """Return what an update of a rank is multiplied by."""
        alpha = self.alphas.get(module, self.alpha)
        return None if not self.is_known else 1.0 if alpha is None else alpha / r

    def of(self, module: str) -> Said:
        """Return what is said of a module."""
        return self.alphas.get(module), partial(self.scaling, module), None

    def older_scaling(self, r: int | None) -> float | None:
        """Return the same before diffusers 0.40, where it was another."""
        return None if self.first_rank in {None, r} or not r else self.first_rank / r


def updates(file: AdapterFile) -> Iterator[ModuleUpdate]:
    """Yield the updates of a file as diffusers loads them."""
    models, skipped = _models(file), frozenset(_skipped(file))
    configs = model_configs(file.metadata, {model: map(_own_name, names) for model, names in models.items()})
    alphas = {name: math.nan if value is None else value for name, value in file.numbers(ALPHA).items()}
    for model, modules in models.items():
        assumed, config = _assumed(file, model, modules, alphas), configs.get(model)
        for module in modules:
            said = assumed.of(module) if config is None else _of_config(config, module)
            update = algorithm_update(module, file.modules[module], *said)
            if update is not None:
                older = assumed.older_scaling(update.r) if config is None else None
                reason = SKIPPED if module in skipped else None
                is_usual = older is None and reason is None
                yield update if is_usual else replace(update, older_scaling=older, skipped=reason)


def _of_config(config: ModelConfig, module: str) -> Said:
    told = config.modules.get(_own_name(module), UNTOLD)
    return told.alpha, lambda _r: told.scaling, told.r


def _models(file: AdapterFile) -> dict[str, list[str]]:
    """Return the modules of each model."""
    found: dict[str, list[str]] = {}
    for module in file.modules:
        found.setdefault(component(module), []).append(module)
    return found


def _assumed(file: AdapterFile, model: str, modules: list[str], alphas: Mapping[str, float]) -> _Assumed:
    """Return what diffusers assumes of a model; of text encoders the first rank depends on the order of its modules.

    In a file without the names of models it passes over the tensors of alphas.
    """
    own = {module: alphas[module] for module in modules if module in alphas and model}
    has_alphas = bool(model) and any(ALPHA in file.modules[module] for module in modules)
    usual = next((alpha for alpha, _ in Counter(own.values()).most_common(1)), None)
    ranks = [file.modules[module][B].shape[1:2] for module in modules if B in file.modules[module]]
    is_scaled = has_alphas or model.startswith(TEXT_ENCODER) or not ranks or not ranks[0]
    return _Assumed(own, usual, bool(own) or not has_alphas, None if is_scaled else ranks[0][0])


def _keys(file: AdapterFile) -> dict[str, list[str]]:
    """Return the keys of each model."""
    models = {module: component(module) for module in file.modules}
    found: dict[str, list[str]] = {}
    for key, (module, _) in file.parts.items():
        found.setdefault(models[module], []).append(key)
    return found


def _skipped(file: AdapterFile) -> Iterator[str]:
    """Yield the modules with keys of an older spelling in a model whose first key has that of today."""
    for model, keys in _keys(file).items():
        if not model.startswith(TEXT_ENCODER) and TODAY in keys[0]:
            for key in keys:
                module, tensor = file.parts[key]
                if key != f"{module}.{tensor}":
                    yield module


def refusals(file: AdapterFile) -> Iterator[Refusal]:
    """Yield why diffusers does not load a file."""
    models, keys = _models(file), _keys(file)
    configs = model_configs(file.metadata, {model: map(_own_name, names) for model, names in models.items()})
    problems = dict.fromkeys(config.problem for config in configs.values() if config.problem)
    yield from (Refusal(problem, "save the file again with its lora_adapter_metadata") for problem in problems)
    for model, own in keys.items():
        if model.startswith(TEXT_ENCODER) and not any(map(READABLE_TEXT.search, own)):
            yield Refusal(
                f"it cannot tell how the keys of {model} are spelled, as none is that of an attention's Linear in one of "
                "its spellings",
                "rename what comes before .weight to lora_linear_layer.down and lora_linear_layer.up, or leave "
                f"{model} out",
            )
    with_alpha = [name for name in models if name and any(ALPHA in file.modules[module] for module in models[name])]
    if UNET in models and with_alpha:
        yield Refusal("a UNet's loader takes only keys with lora in them, and those of alpha have none", DIVIDE)
    elif with_alpha and configs:
        yield Refusal(f"it takes alpha from tensors or from {ENTRY}, and the file has both", "remove one of them")


def is_marked(metadata: Metadata, fields: Fields) -> bool:
    """Whether diffusers wrote the metadata."""
    return ENTRY in metadata


FORMAT = Format(
    "diffusers",
    "diffusers",
    part,
    updates,
    is_marked=is_marked,
    base_part=base_part,
    instead=PIPELINE_TO_PEFT,
    is_of_pipeline=True,
    component=component,
    refusals=refusals,
    older="diffusers before 0.40",
    file_name="pytorch_lora_weights.safetensors",
)
