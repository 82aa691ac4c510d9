"""The methods by name. A method is a file of the catalogue, which is imported only when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

from lora_cli.errors import InvalidInput, argument, is_several, near_miss, question, quote
from lora_cli.methods.variants import RECIPES, VARIANTS

if TYPE_CHECKING:
    from lora_cli.methods.method import Method

# The folders of the catalogue, in the order in which methods are listed.
FAMILIES = ("lora", "low_rank", "shared_bases", "orthogonal", "vectors", "prompts")
CATALOGUE = os.path.join(os.path.dirname(__file__), "catalogue")
# The method of a config, or of a question, that names none.
DEFAULT_METHOD = "lora"
# Full fine-tuning, which is not a method of PEFT's.
FULL = "full"


@cache
def methods_of(family: str) -> tuple[str, ...]:
    """Return the methods of a family: the names of the files in its folder.

    >>> methods_of("orthogonal")
    ('boft', 'hra', 'oft', 'psoft', 'road')
    """
    with os.scandir(os.path.join(CATALOGUE, family)) as entries:
        stems = {name.removesuffix(".py") for name in (entry.name for entry in entries) if name.endswith(".py")}
    # The default comes first.
    return tuple(sorted(stems - {"__init__"}, key=lambda stem: (stem != DEFAULT_METHOD, stem)))


class MethodNames(Sequence[str]):
    """The names of all methods, family by family. The folders are listed when a name is first asked for."""

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(name for family in FAMILIES for name in methods_of(family))

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._names[index]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(self._names)


METHODS = MethodNames()


def check_name(name: str) -> str:
    """Return the method's name in lower case, or refuse an unknown one and suggest similar ones.

    >>> check_name("VeRA")
    'vera'
    >>> check_name("verra")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: method 'verra' is not known; did you mean vera or pvera?
    """
    if is_several(name):
        raise InvalidInput(
            f"method {quote(name)} is not one name; give one, or compare several with {question('sweep')}"
        )
    if not isinstance(name, str):
        raise InvalidInput(f"{argument('method')}: {quote(name)} is not the name of a method; give a string")
    lower = name.lower()
    if lower == DEFAULT_METHOD or lower in VARIANTS or lower in METHODS:
        return lower
    if lower == FULL:
        raise InvalidInput(
            f"method {FULL} is full fine-tuning, which has no adapter to count; full_params says what it trains, and "
            f"{question('memory')} what it takes"
        )
    if lower in RECIPES:
        same, how, quantize = RECIPES[lower]
        memory = f", and for its memory {argument('quantize')} {quantize}" if quantize else ""
        raise InvalidInput(
            f"method {quote(name)} is {same} {how}, which trains the same parameters; give {argument('method')} {same}"
            f"{memory}"
        )
    if (start := start_named(lower)) is not None:
        raise InvalidInput(
            f"method {quote(name)} is {DEFAULT_METHOD} with another start of A and B, which trains the same parameters; give "
            f"{argument('method')} {DEFAULT_METHOD} and the field init_lora_weights {start}"
        )
    raise InvalidInput(
        f"method {quote(name)} is not known; "
        f"{near_miss(lower, (*METHODS, *VARIANTS), '`lora-cli methods` lists all methods')}"
    )


def start_named(name: str) -> str | None:
    """Return the value of LoRA's `init_lora_weights` that has a name, as papers give them to methods, or None.

    >>> start_named("pissa"), start_named("lora-ga"), start_named("lora")
    ('pissa', 'lora_ga', None)
    """
    from lora_cli.methods.config.lora_settings import STARTS

    value = name.replace("-", "_")
    return value if value in STARTS else None


def method_named(name: str) -> Method[Any]:
    """Return the method called `name`, or the one that it is a variant of.

    >>> method_named("vera").peft_type, method_named("dora").peft_type
    ('VERA', 'LORA')
    """
    name = check_name(name)
    method: Method[Any] = import_module(home(VARIANTS[name].method if name in VARIANTS else name)).METHOD
    return method


def is_field(name: str) -> bool:
    """Whether some method's config has a field.

    >>> is_field("use_dora"), is_field("modules_to_save"), is_field("taget")
    (True, True, False)
    """
    methods = map(method_named, METHODS)
    return any(name in method.fields or name in method.shared_fields for method in methods)


def home(name: str) -> str:
    """Return the module that declares a method."""
    return f"lora_cli.methods.catalogue.{family_of(name)}.{name}"


def family_of(name: str) -> str:
    """Return the family of a method.

    >>> family_of("vera")
    'shared_bases'
    """
    return next(family for family in FAMILIES if name in methods_of(family))


def variant_fields(name: str) -> Mapping[str, object]:
    """Return the config fields that make a variant, {} for a method.

    >>> variant_fields("dora"), variant_fields("vera")
    ({'use_dora': True}, {})
    """
    name = check_name(name)
    return VARIANTS[name].fields if name in VARIANTS else {}


def short_title(name: str) -> str:
    """Return a method's name as its paper writes it.

    >>> short_title("dora"), short_title("vera")
    ('DoRA', 'VeRA')
    """
    title = VARIANTS[name].title if name in VARIANTS else method_named(name).title
    return title.partition(":")[0]
