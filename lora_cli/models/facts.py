"""The sizes that prompt methods take from a config.json.

`_prepare_prompt_learning_config` in `peft/utils/other.py` reads the config and not the modules.
"""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import PromptSizes
from lora_cli.models.registry import find_family

# A model type without a family here has transformers' defaults in its config already.
UNKNOWN = PromptSizes(hidden=None, layers=None, heads=None, has_vocabulary=False)


class Facts(NamedTuple):
    """A config's hidden size, layers and heads, and for grouped-query attention the groups and the width of a head.

    A size that the config does not have is None. `has_words` says whether the config has a vocabulary size.
    """

    hidden: int | None = None
    layers: int | None = None
    heads: int | None = None
    groups: int | None = None
    width: int | None = None
    has_words: bool = True


def read_facts(config: Config) -> Facts:
    """Return the sizes of a config.json, with the defaults of its model type for missing fields.

    >>> read_facts(Config({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 8}))
    Facts(hidden=64, layers=32, heads=8, groups=8, width=8, has_words=True)
    >>> read_facts(Config({"model_type": "gpt2", "n_embd": 64}))
    Facts(hidden=64, layers=12, heads=12, groups=None, width=None, has_words=True)
    """
    model_type = config.text("model_type", default="")
    if not model_type:
        # A class of diffusers has no vocabulary, and without one PEFT makes no prompt.
        return Facts(has_words=False)
    family = find_family(model_type)
    if family is not None and family.text is not None:
        return read_facts(family.text(config))
    sizes = UNKNOWN if family is None else family.sizes
    if family is not None and family.filled:
        filled = {name: value(config) for name, value in family.filled.items()}
        config = Config({**filled, **config.fields}, config.source)
    if sizes.section:
        config = config.section(*sizes.section)
    elif config.fields.get("text_config") is not None:
        config = config.section("text_config")
    if config.fields.get("per_layer_config") and sizes.widest is None:
        raise InvalidInput(
            f"{config.source}: per_layer_config makes layers differ, so prompts are not counted for it yet"
        )
    layers = _layers(config, sizes)
    hidden = _size(config, sizes.hidden_names, sizes.hidden)
    heads = _size(config, sizes.heads_names, sizes.heads)
    shape = _groups(config, sizes, heads), _head_width(config, sizes, hidden, heads)
    groups, width = shape if sizes.widest is None else sizes.widest(config)
    return Facts(
        hidden,
        layers,
        heads,
        groups,
        width,
        sizes.has_vocabulary or config.fields.get("vocab_size") is not None,
    )


def _layers(config: Config, sizes: PromptSizes) -> int | None:
    if callable(sizes.layers):
        return sizes.layers(config)
    if not sizes.layers_names:
        return sizes.layers
    layers = config.layers(*sizes.layers_names, default=-1 if sizes.layers is None else sizes.layers)
    return None if layers < 0 else layers


def _size(config: Config, names: tuple[str, ...], default: int | None) -> int | None:
    return config.size(*names, default=default or 0) or None if names else default


def _groups(config: Config, sizes: PromptSizes, heads: int | None) -> int | None:
    default = sizes.groups(config) if callable(sizes.groups) else sizes.groups
    # A null field means as many groups as heads, whatever a missing field means.
    if default == "heads" or (default is not None and "num_key_value_heads" in config.fields):
        default = heads
    return _size(config, sizes.groups_names, default)


def _head_width(config: Config, sizes: PromptSizes, hidden: int | None, heads: int | None) -> int | None:
    default = sizes.head_width
    # A null field means the heads' share, whatever a missing field means.
    if default is not None and any(name in config.fields for name in sizes.head_width_names):
        default = "shared"
    if isinstance(default, str):
        default = hidden // heads if hidden and heads else None
    elif callable(default):
        default = default(config)
    return _size(config, sizes.head_width_names, default)
