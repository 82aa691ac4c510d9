"""The names that Stability's own code (sgm) has for the modules of a UNet, by which most files for SDXL go.

It counts the blocks through: `input_blocks.4.1` is the attention of the first layer in diffusers' `down_blocks.1`.
diffusers' `loaders/lora_conversion_utils.py` has the way back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable

BLOCK = re.compile(r"(?P<way>down|up)_blocks\.(?P<block>\d+)\.(?P<part>[a-z]+)\.(?P<layer>\d+)(?P<rest>(?:\..*)?)")
MIDDLE = re.compile(r"mid_block\.(?P<part>resnets|attentions)\.(?P<layer>\d+)(?P<rest>(?:\..*)?)")
LAYER = re.compile(r"down_blocks\.(\d+)\.resnets\.(\d+)")
RESNET, ATTENTION, DOWN, UP = "resnets", "attentions", "downsamplers", "upsamplers"
# What comes first in a layer.
PLACES = {RESNET: 0, ATTENTION: 1}
# The modules of a residual block, and those around the blocks.
WITHIN = {
    ".norm1": ".in_layers.0",
    ".conv1": ".in_layers.2",
    ".time_emb_proj": ".emb_layers.1",
    ".norm2": ".out_layers.0",
    ".conv2": ".out_layers.3",
    ".conv_shortcut": ".skip_connection",
}
AROUND = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def sgm_names(names: Iterable[str]) -> dict[str, str]:
    """Return the modules of a UNet of diffusers by their names in sgm; none for another model.

    Its blocks must have equally many layers, as sgm counts on.

    >>> names = ["down_blocks.0.resnets.0", "down_blocks.0.resnets.1", "down_blocks.1.attentions.0.proj_in"]
    >>> sgm_names(names)["input_blocks.4.1.proj_in"]
    'down_blocks.1.attentions.0.proj_in'
    """
    names = tuple(names)
    numbered = {found.groups() for found in map(LAYER.match, names) if found}
    layers = Counter(block for block, _ in numbered)
    if len(set(layers.values())) != 1:
        return {}
    blocks = [found for found in map(BLOCK.match, names) if found]
    attended = {found["block"] for found in blocks if (found["way"], found["part"]) == ("up", ATTENTION)}
    every = ((_sgm_name(name, layers["0"], attended), name) for name in names)
    return {own: name for own, name in every if own is not None}


def _sgm_name(name: str, layers: int, attended: Container[str]) -> str | None:
    if name in AROUND:
        return AROUND[name]
    if middle := MIDDLE.fullmatch(name):
        # A residual block, an attention, a residual block.
        is_resnet = middle["part"] == RESNET
        return f"middle_block.{2 * int(middle['layer']) if is_resnet else 1}{_rest(middle)}"
    found = BLOCK.fullmatch(name)
    if found is None:
        return None
    block, layer, part = int(found["block"]), int(found["layer"]), found["part"]
    first = block * (layers + 1)
    if part == DOWN:
        return f"input_blocks.{first + layers + 1}.0{found['rest'].replace('.conv', '.op')}"
    if part == UP:
        return f"output_blocks.{first + layers}.{2 if found['block'] in attended else 1}{found['rest']}"
    if part not in PLACES:
        return None
    start = f"input_blocks.{first + layer + 1}" if found["way"] == "down" else f"output_blocks.{first + layer}"
    return f"{start}.{PLACES[part]}{_rest(found)}"


def _rest(found: re.Match[str]) -> str:
    rest = found["rest"]
    return WITHIN.get(rest, rest) if found["part"] == RESNET else rest
