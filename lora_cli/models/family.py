"""What the file of a model family declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lora_cli.models.config import Config
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Build
from lora_cli.models.parts.passes.class_heads import DECODER_HEADS, Head

# The endings of the classes that generate text.
GENERATING_CLASSES = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel", "DoubleHeadsModel", "MTModel")
# And of those that have only a body.
BODIES = ("Model", "Encoder", "Transformer")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSizes:
    """The sizes that prompt methods take from config.json, with the defaults of transformers' config class.

    None means that the config class does not have the field. `groups` are the key-value heads, where "heads" means
    one for each head; `head_width` is the width of a head, where "shared" means hidden size / heads. A function says how
    a size follows from the config.
    `has_vocabulary` says whether the config class has a vocabulary size. The `*_names` are the config fields; the
    first one that is present is used. `section` names the part of config.json that holds the sizes, if one always does.
    Where layers differ (`per_layer_config`), `widest` returns the groups and the width of a head of the widest.
    """

    hidden: int | None
    layers: int | Callable[[Config], int] | None
    heads: int | None
    groups: int | Literal["heads"] | Callable[[Config], int] | None = None
    head_width: int | Literal["shared"] | Callable[[Config], int] | None = None
    has_vocabulary: bool = True
    hidden_names: tuple[str, ...] = ("hidden_size", "n_embd", "d_model")
    layers_names: tuple[str, ...] = ("num_hidden_layers", "num_layers", "n_layer", "encoder_layers", "n_layers")
    heads_names: tuple[str, ...] = ("num_attention_heads", "n_head", "num_heads", "encoder_attention_heads")
    groups_names: tuple[str, ...] = ("num_global_key_value_heads", "num_key_value_heads")
    head_width_names: tuple[str, ...] = ("global_head_dim", "head_dim")
    section: tuple[str, ...] = ()
    widest: Callable[[Config], tuple[int, int]] | None = None

    @classmethod
    def staged(cls, layers: int, *layers_names: str) -> PromptSizes:
        """Return what PEFT finds of a model whose stages have widths and heads of their own: only how many there are."""
        return cls(
            hidden=None,
            layers=layers,
            heads=None,
            has_vocabulary=False,
            hidden_names=(),
            layers_names=layers_names,
            heads_names=(),
        )


@dataclass(frozen=True, slots=True)
class Family:
    """A `model_type` of transformers: its classes and the sizes for prompt methods.

    `classes` maps each class name to the function that builds its skeleton. The first class is the default for a
    config.json without `architectures`.

    What a smaller copy of the model is made by: `feed_forward` is the config field of the width of the feed-forward
    blocks, if the class has one that PEFT knows, and `filled` are the fields that the config class fills in from
    others, and that keep their values when those change, None for an older name that no longer counts. `layers_from`
    says what decides how many layers there are: a `field`, a `list` of their kinds whatever that field says, or a field
    from which the class derives the kinds in a `property`, which cannot be set; or that they have `shared` weights.

    Where the text is only one part of the model, `text` returns the config of that part.

    `required` are the config fields without which transformers reads a config.json, but builds no model of it.
    `trained_activations` says whether the parameters that an activation may have are built.

    `forward` describes what a training step runs, or returns None where a part of it is not known, and `heads` the heads of those classes whose names have these endings.
    """

    model_type: str
    classes: Mapping[str, Build]
    sizes: PromptSizes
    feed_forward: str | None = "intermediate_size"
    filled: Mapping[str, Callable[[Config], object]] = field(default_factory=dict)
    layers_from: Literal["field", "list", "property", "shared"] = "field"
    required: tuple[str, ...] = ()
    trained_activations: bool = False
    text: Callable[[Config], Config] | None = None
    forward: Callable[[Config], Body | None] | None = None
    heads: Mapping[str, Callable[[Config], Head]] = field(default_factory=lambda: DECODER_HEADS)

    @property
    def generating(self) -> Build | None:
        """The class that generates text; of several, the one with a decoder alone."""
        return next(
            (self.classes[name] for ending in GENERATING_CLASSES for name in self.classes if name.endswith(ending)),
            None,
        )

    @property
    def body(self) -> Build | None:
        """The class that transformers' AutoModel takes: the one that has only the body, or the only one."""
        bare = [name for name in self.classes if name.endswith(BODIES) and not name.endswith(GENERATING_CLASSES)]
        names = bare or list(self.classes)
        return self.classes[names[0]] if bare or len(names) == 1 else None


@dataclass(frozen=True, slots=True)
class Component:
    """A class of diffusers: a part of a pipeline, whose config.json names it by `_class_name`, and how it is built.

    `known` are fields of config.json of which only some values can be built here, the default first. A field may also
    be a list of them.
    """

    class_name: str
    build: Build
    known: Mapping[str, tuple[str | bool | None, ...]] = field(default_factory=dict)
