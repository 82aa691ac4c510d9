"""What each field of PEFT's configs does, for people: in a phrase, with its type and PEFT's default.

A method's own field says so in its annotation, and so do `Written` and `Dropout` of `settings`. The fields that
several configs share, and that mean the same in each, are described here. The phrases are about PEFT 0.21.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin, get_type_hints

from lora_cli.methods.config.adapter_config import BIASES
from lora_cli.methods.config.settings import Written, defaults, known_values

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# The types of JSON, as which `--set` reads a value.
TYPES = {bool: "boolean", int: "integer", float: "number", str: "text", tuple: "list", Mapping: "object"}
# More choices than these are left to the message that refuses another one.
MOST_CHOICES = 5


class Description(NamedTuple):
    """A field's type in words, PEFT's default, what the field does, and the values to choose from where there are a few."""

    type: str
    default: object
    meaning: str
    known: tuple[object, ...] = ()


SHARED = {
    "r": Description("integer", None, "Rank, the inner size of the adapter"),
    "target_modules": Description(
        "list or text", None, "Modules to adapt: names, or a regular expression for whole names"
    ),
    "exclude_modules": Description("list or text", None, "Modules not to adapt, written like target_modules"),
    "layers_to_transform": Description("integer or list", None, "Numbers of the layers to adapt; null for all"),
    "layers_pattern": Description("list or text", None, "Name of the list that layers_to_transform counts in"),
    "layer_replication": Description(
        "list", None, "Ranges of layers that are stacked to a deeper model, as by [[0, 4], [2, 5]]"
    ),
    "modules_to_save": Description("list", None, "Modules to train whole and save, such as a new head"),
    "target_parameters": Description("list", None, "Bare parameters to adapt, such as fused experts"),
    "trainable_token_indices": Description("list or object", None, "Tokens whose embeddings are trained, too"),
    "ensure_weight_tying": Description(
        "boolean", False, "Whether what is tied with the embeddings stays tied when they are trained", (True, False)
    ),
    "bias": Description(
        "text",
        "none",
        "Which biases of the model are trained: none, all, or lora_only for those of adapted modules",
        BIASES,
    ),
    "rank_pattern": Description("object", {}, "Other ranks, by module name or regular expression"),
    "alpha_pattern": Description("object", {}, "Other alphas, by module name or regular expression"),
    "fan_in_fan_out": Description(
        "boolean", False, "Whether weights are stored as inputs x outputs, as by GPT-2's Conv1D"
    ),
    "init_weights": Description("boolean", True, "Whether the adapter starts from PEFT's default values"),
    "module_dropout": Description("number", 0.0, "Probability that a module's adapter is left out of a training step"),
    "rank_dropout": Description("number", 0.0, "Probability that a rank is left out of a training step"),
}


def descriptions(kind: type[DataclassInstance]) -> dict[str, Description]:
    """Return the own fields of a method's config, by the dataclass of its settings.

    >>> from lora_cli.methods.config.lora_settings import LoraSettings
    >>> descriptions(LoraSettings)["lora_alpha"]
    Description(type='number', default=8, meaning='The update is scaled by lora_alpha / r', known=())
    """
    hints = [get_type_hints(each, include_extras=True) for each in kind.__mro__[:-1]]
    known = known_values(kind)
    return {
        name: _description(name, [each[name] for each in hints if name in each], default, known.get(name, ()))
        for name, default in defaults(kind).items()
    }


def _description(name: str, hints: list[Any], default: object, known: tuple[object, ...]) -> Description:
    """Return what a field's annotations say, those of its own class before those of the classes that this extends."""
    own, *_ = said = [getattr(hint, "__metadata__", ()) for hint in hints]
    phrase = next((each for metadata in said for each in metadata if isinstance(each, str)), None)
    meaning = SHARED[name].meaning if phrase is None else phrase
    texts = [each for each in known if isinstance(each, str)]
    if len(texts) == len(known) and 0 < len(known) <= MOST_CHOICES:
        meaning = f"{meaning}: {_alternatives(texts)}"
    # What a class declares again is read again.
    written = next((each for each in own if isinstance(each, Written)), None)
    type_text, default = (_type_text(hints[0]), default) if written is None else written
    return Description(type_text, default, meaning, known)


def _type_text(hint: Any) -> str:
    """Return the types of JSON that a field takes, null left out.

    >>> _type_text(bool | str | None), _type_text(Mapping[str, int])
    ('boolean or text', 'object')
    """
    bare = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    kinds = [bare] if get_origin(bare) in TYPES or bare in TYPES else get_args(bare)
    names = [TYPES[get_origin(each) or each] for each in kinds if (get_origin(each) or each) in TYPES]
    return " or ".join(dict.fromkeys(names))


def _alternatives(names: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
