"""kohya's sd-scripts and LyCORIS: one file, whose modules have underscores for dots and an alpha of their own.

sd-scripts' `networks/lora.py` (`LoRANetwork`, `create_network_from_weights`) and `train_network.py` (the `ss_` metadata);
lycoris-lora's `wrapper.py` and `modules/*.py`. A key is the module's name, which has no dot, and the tensor's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from math import isfinite
from sys import intern

from lora_cli.methods.adapter_file.algorithm_table import ALGORITHMS, A, B
from lora_cli.methods.adapter_file.algorithm_update import ALPHA, SHARED, algorithm_update
from lora_cli.methods.adapter_file.facts import FactReader, TrainingFacts
from lora_cli.methods.adapter_file.format import PIPELINE_TO_PEFT, AdapterFile, Fields, Format, Metadata, Part
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.methods.adapter_file.published_names import published_names
from lora_cli.models.nodes import short_name as last_part

# The prefixes of the networks: `lora_te1` and `lora_te2` are SDXL's text encoders, `lora_te3` is SD3's T5.
COMPONENT = re.compile(r"(?:lora_(?:unet|te[1-3]?|transformer|prior_unet)|lycoris)_")
TEXT_ENCODER = re.compile(r"lora_te(?P<number>[1-3]?)_")
TEXT_ENCODERS = {"": "text_encoder", "1": "text_encoder", "2": "text_encoder_2", "3": "text_encoder_3"}
PREFIX = re.compile(r"(?:lora|lycoris)_")
PEFT_NAMES = {"lora_down.weight": A, "lora_up.weight": B}
OWN_NAMES = {name: own for own, name in PEFT_NAMES.items()}
TENSORS = frozenset({*(name for each in ALGORITHMS for name in each.tensors), *SHARED}) - {A, B} | PEFT_NAMES.keys()
# What other files may call a tensor too, so that the module's prefix must tell.
AMBIGUOUS = frozenset({"weight", A, B})
# An embedding (textual inversion) that the file brings along, which the webuis read.
EMBEDDING = re.compile(r"(?P<name>bundle_emb\..+)\.(?P<tensor>string_to_param\.\*|emb_params|clip_[gl])")
EMBEDDING_METHOD = "embedding"
LAYER = re.compile(r".*_\d+_(.*[a-z].*)")
MARK = "ss_"


def part(key: str) -> Part | None:
    """Return the module and the tensor of a key, LoRA's with PEFT's names.

    >>> part("lora_unet_mid_block_attn_to_q.lora_down.weight")
    Part(module='lora_unet_mid_block_attn_to_q', tensor='lora_A.weight')
    >>> part("unet.mid_block.attn.to_q.lora.down.weight")
    """
    module, _, tensor = key.partition(".")
    if tensor in TENSORS or tensor in AMBIGUOUS:
        is_own = tensor not in AMBIGUOUS or PREFIX.match(module) is not None
        return Part(intern(module), PEFT_NAMES.get(tensor, intern(tensor))) if module and is_own else None
    embedding = EMBEDDING.fullmatch(key) if module == "bundle_emb" else None
    return None if embedding is None else Part(embedding["name"], embedding["tensor"])


def updates(file: AdapterFile) -> Iterator[ModuleUpdate]:
    """Yield the updates of a file.

    A missing alpha, and one of 0, stand for the rank, so that the update is not scaled (`LoRAModule.__init__`:
    "alpha is None or alpha == 0"); of a file on the Hub alphas are not known.
    """
    alphas = file.numbers(ALPHA)
    for module, tensors in file.modules.items():
        if EMBEDDING.match(f"{module}.clip_l"):
            yield ModuleUpdate(
                module, EMBEDDING_METHOD, tensors, reason="it is an embedding that the file brings along"
            )
            continue
        alpha = alpha_of(module, tensors, alphas)
        is_unread = ALPHA in tensors and module not in alphas
        update = algorithm_update(module, tensors, alpha, partial(_scaling, alpha, is_unread=is_unread))
        if update is not None:
            yield update


def alpha_of(module: str, tensors: Mapping[str, object], alphas: Mapping[str, float | None]) -> float | None:
    """Return a module's alpha, None without one; an alpha that is not one number is NaN."""
    if ALPHA not in tensors or module not in alphas:
        return None
    value = alphas[module]
    return float("nan") if value is None else value


def _scaling(alpha: float | None, r: int, *, is_unread: bool) -> float | None:
    if is_unread or (alpha is not None and not isfinite(alpha)):
        return None
    return alpha / r if alpha else 1.0


def facts(metadata: Metadata, fields: Fields) -> TrainingFacts:
    """Return what sd-scripts notes of a training (`train_network.py`: `metadata`)."""
    read = FactReader(metadata)
    return TrainingFacts(
        base_model=read.text("ss_sd_model_name", "ss_base_model_version", "modelspec.architecture"),
        steps=read.count("ss_steps"),
        epochs=read.count("ss_epoch"),
        learning_rate=read.number("ss_learning_rate"),
        network_dim=read.count("ss_network_dim"),
        network_alpha=read.number("ss_network_alpha"),
        unread=tuple(read.unread),
    )


def is_marked(metadata: Metadata, fields: Fields) -> bool:
    """Whether sd-scripts, or a trainer that notes the same, wrote the metadata."""
    return any(name.startswith(MARK) for name in metadata)


def spelled(name: str) -> str:
    """Return a module's name with underscores for dots.

    >>> spelled("mid_block.attentions.0.to_out.0")
    'mid_block_attentions_0_to_out_0'
    """
    return name.replace(".", "_")


def spelled_tensor(name: str) -> str:
    """Return what a file calls a tensor.

    >>> spelled_tensor("lora_B.weight"), spelled_tensor("alpha")
    ('lora_up.weight', 'alpha')
    """
    return OWN_NAMES.get(name, name)


def base_part(module: str) -> str:
    """Return the name of a module within its component.

    >>> base_part("lora_te1_text_model_encoder_layers_0_mlp_fc1")
    'text_model_encoder_layers_0_mlp_fc1'
    """
    return COMPONENT.sub("", module, count=1)


def component(module: str) -> str:
    """Return which model of a pipeline a module belongs to.

    >>> component("lora_te2_text_model_encoder_layers_0_mlp_fc1"), component("lora_unet_conv_in")
    ('text_encoder_2', 'unet')
    """
    encoder = TEXT_ENCODER.match(module)
    return "unet" if encoder is None else TEXT_ENCODERS[encoder["number"]]


def short_name(module: str) -> str:
    """Return what follows the last number of a layer; a number at the end is that of a part.

    >>> short_name("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0")
    'attn1_to_out_0'
    """
    found = LAYER.match(module)
    return last_part(module) if found is None else found[1]


FORMAT = Format(
    "kohya",
    "kohya / LyCORIS",
    part,
    updates,
    facts,
    is_marked,
    spelled,
    base_part,
    published_names,
    short_name,
    # The trainer's default alpha is 1, for any rank.
    least_scaling=0,
    instead=PIPELINE_TO_PEFT,
    spelled_tensor=spelled_tensor,
    is_of_pipeline=True,
    component=component,
)
