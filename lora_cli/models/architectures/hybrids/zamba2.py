"""Zamba2, Mamba-2 with attention blocks that several layers share: `transformers.models.zamba2`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.hybrid import layered_decoder
from lora_cli.models.parts.kin.zamba import LAYERS, hidden, kinds, shared_block, ties, uses
from lora_cli.models.parts.layers import Build, Node, Nodes, Skeleton, linear, norm, under
from lora_cli.models.parts.state_space import Mamba2, mamba2

vocabulary = size("vocab_size", 32000)


def state(config: Config) -> Iterator[Node]:
    """Build `Zamba2MambaDecoderLayer`."""
    d = hidden(config)
    sizes = Mamba2(
        config.size("n_mamba_heads", default=8),
        config.size("mamba_expand", default=2) * d,
        config.number("mamba_ngroups", default=1),
        config.number("mamba_d_state", default=64),
        config.size("mamba_d_conv", default=4),
    )
    bias = config.flag("add_bias_linear", default=False)
    yield from under("mamba", mamba2(d, sizes, bias=bias, convolution_bias=True))
    yield from norm("input_layernorm", d)


def body(config: Config) -> Nodes:
    """Build `Zamba2Model`."""
    d, found, mamba = hidden(config), uses(config), list(state(config))
    blocks = [mamba] * len(kinds(config))
    for turn, layer in enumerate(found.layers):
        shared = under("shared_transformer", shared_block(config, block=turn % found.blocks))
        blocks[layer] = [*linear("linear", d, d), *under("mamba_decoder", mamba), *shared]
    rotary = "rotary_emb" if config.flag("use_mem_rope", default=False) else None
    return layered_decoder(vocabulary(config), d, blocks, final="final_layernorm", rotary=rotary)


def tied(build: Build) -> Build:
    """Return a class that also ties the blocks that are used again, unless `tie_word_embeddings` is false."""

    def built(config: Config) -> Skeleton:
        skeleton = build(config)
        if not config.flag("tie_word_embeddings", default=True):
            return skeleton
        prefix = (skeleton.embeddings or "").removesuffix("embed_tokens")
        return skeleton._replace(tied={**skeleton.tied, **dict(ties(config, prefix))})

    return built


CLASSES = classes("Zamba2", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=TASKS[:3])
FAMILY = Family(
    "zamba2",
    {name: tied(build) for name, build in CLASSES.items()},
    PromptSizes(hidden=2560, layers=LAYERS, heads=32, groups="heads", head_width_names=()),
    layers_from="shared",
)
