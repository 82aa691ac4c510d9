"""The names that a model's modules have in the code with which it was published.

kohya's scripts, musubi-tuner and ComfyUI go by them, while a model's config.json is diffusers'. Several Linears of diffusers
can be one there, e.g. the queries, keys and values of an attention: an update of it is of all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from lora_cli.methods.adapter_file.published.flux import FLUX_1, FLUX_2
from lora_cli.methods.adapter_file.published.hunyuan_video import HUNYUAN_VIDEO
from lora_cli.methods.adapter_file.published.publication import NUMBER
from lora_cli.methods.adapter_file.published.sd3 import SD_3
from lora_cli.methods.adapter_file.published.sgm import sgm_names
from lora_cli.methods.adapter_file.published.wan import WAN
from lora_cli.methods.adapter_file.published.z_image import Z_IMAGE

# diffusers' `loaders/single_file_utils.py` has the way from these names to its own.
PUBLICATIONS = (FLUX_1, FLUX_2, HUNYUAN_VIDEO, SD_3, WAN, Z_IMAGE)
BLOCK = re.compile(r"\.(\d+)\.")


def published_names(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return a model's modules by their published names, each with the modules of diffusers that it is made of.

    >>> names = ["blocks.0.attn1.to_q", "blocks.0.ffn.net.2", "condition_embedder.time_proj"]
    >>> published_names(names)["blocks.0.ffn.2"]
    ('blocks.0.ffn.net.2',)
    """
    names = tuple(names)
    known = frozenset(names)
    found: dict[str, tuple[str, ...]] = {name: (own,) for name, own in sgm_names(names).items()}
    for model in PUBLICATIONS:
        if model.marks <= known:
            numbers = sorted({number for name in known for number in BLOCK.findall(name)})
            found |= {name: own for name, own in _numbered(model.modules, numbers) if known.issuperset(own)}
    return found


def _numbered(modules: Mapping[str, tuple[str, ...]], numbers: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names with each of some numbers of blocks in them."""
    for name, own in modules.items():
        for number in numbers if NUMBER in name else ("",):
            yield name.replace(NUMBER, number), tuple(each.replace(NUMBER, number) for each in own)
