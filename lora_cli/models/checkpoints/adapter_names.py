"""The names by which a file of adapters is recognised, whoever wrote it, so that it is not taken for a model."""

from __future__ import annotations

import re
from collections.abc import Iterable

# PEFT's own prefix, those of kohya's scripts and LyCORIS, whose modules have no dots, and the names of LoRA, LoHa and
# LoKr in PEFT, diffusers, kohya's scripts, LyCORIS, ComfyUI, mlx-lm and torchtune.
ADAPTER = re.compile(
    r"base_model\.model\.|(lora_(unet|te[1-3]?)|lycoris)_[^.]+\.|prompt_embeddings$|prompt_encoder\.|"
    r"(.*[._])?(lora[._](A|B|a|b|E|down|up|mid|embedding_A|embedding_B|magnitude_vector)|(hada|lokr)_[wt][12](_[ab])?|dora_scale)\b"
)
# What stands beside them.
BESIDE = re.compile(r".*\.(alpha|diff|diff_b)$")


def is_adapters(name: str) -> bool:
    """Whether a tensor belongs to an adapter.

    >>> is_adapters("lora_unet_mid_block.lora_down.weight"), is_adapters("layers.0.q_proj.lora_a")
    (True, True)
    >>> is_adapters("model.layers.0.self_attn.kv_a_proj_with_mqa.weight")
    False
    """
    return ADAPTER.match(name) is not None


def hold_an_adapter(names: Iterable[str]) -> bool:
    """Whether a checkpoint holds tensors of an adapter."""
    return any(map(is_adapters, names))


def are_an_adapter(names: Iterable[str]) -> bool:
    """Whether a checkpoint holds nothing else."""
    names = tuple(names)
    return hold_an_adapter(names) and all(is_adapters(name) or BESIDE.match(name) for name in names)
