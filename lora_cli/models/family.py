"""What the file of a model family declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Build


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSizes:
    """The sizes that prompt methods take from config.json, with the defaults of transformers' config class.

    None means that the config class does not have the field. `groups` are the key-value heads, where "heads" means
    one for each head; `head_width` is the width of a head, where "shared" means hidden size / heads.
    `has_vocabulary` says whether the config class has a vocabulary size. The `*_names` are the config fields; the
    first one that is present is used. `section` names the part of config.json that holds the sizes, if one always does.
    """

    hidden: int | None
    layers: int | None
    heads: int | None
    groups: int | Literal["heads"] | None = None
    head_width: int | Literal["shared"] | None = None
    has_vocabulary: bool = True
    hidden_names: tuple[str, ...] = ("hidden_size", "n_embd", "d_model")
    layers_names: tuple[str, ...] = ("num_hidden_layers", "num_layers", "n_layer", "encoder_layers", "n_layers")
    heads_names: tuple[str, ...] = ("num_attention_heads", "n_head", "num_heads", "encoder_attention_heads")
    groups_names: tuple[str, ...] = ("num_global_key_value_heads", "num_key_value_heads")
    head_width_names: tuple[str, ...] = ("global_head_dim", "head_dim")
    section: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A `model_type` of transformers: its classes and the sizes for prompt methods.

    `classes` maps each class name to the function that builds its skeleton. The first class is the default for a
    config.json without `architectures`.

    What a smaller copy of the model is made by: `feed_forward` is the config field of the width of the feed-forward
    blocks, if the class has one that PEFT knows, and `filled` are the fields that the config class fills in from
    others, and that keep their values when those change.
    """

    model_type: str
    classes: Mapping[str, Build]
    sizes: PromptSizes
    feed_forward: str | None = "intermediate_size"
    filled: Mapping[str, Callable[[Config], int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Component:
    """A class of diffusers: a part of a pipeline, whose config.json names it by `_class_name`, and how it is built.

    `known` are fields of config.json of which only some values can be built here, the default first. A field may also
    be a list of them.
    """

    class_name: str
    build: Build
    known: Mapping[str, tuple[str | bool | None, ...]] = field(default_factory=dict)
