"""The methods by name. A method's module is imported when it is asked for, and only then."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lora_cli.errors import InvalidInput, quote

if TYPE_CHECKING:
    from lora_cli.methods.method import Method

# By family; each is METHOD in the module of that name.
LOW_RANK = ("lora", "hira", "shira", "deft", "gralora", "delora", "miss", "poly", "loha", "lokr", "lily", "adalora")
BASES = (
    "vera",
    "pvera",
    "randlora",
    "vblora",
    "fourierft",
    "waveft",
    "c3a",
    "unilora",
    "tinylora",
    "frod",
    "adamss",
    "osf",
)
ORTHOGONAL = ("oft", "boft", "hra", "psoft", "road")
VECTORS = ("ia3", "beft", "ln_tuning", "supertuning", "glora", "peanut", "trainable_tokens", "shadow", "xlora")
PROMPTS = (
    "prompt_tuning",
    "multitask_prompt_tuning",
    "p_tuning",
    "prefix_tuning",
    "cartridge",
    "cpt",
    "adaption_prompt",
)
METHODS = (*LOW_RANK, *BASES, *ORTHOGONAL, *VECTORS, *PROMPTS)
# The folder of the catalogue that each is in.
FOLDERS = {
    **dict.fromkeys(LOW_RANK, "low_rank"),
    **dict.fromkeys(BASES, "shared_bases"),
    **dict.fromkeys(ORTHOGONAL, "orthogonal"),
    **dict.fromkeys(VECTORS, "vectors"),
    **dict.fromkeys(PROMPTS, "prompts"),
    **dict.fromkeys(("lora", "adalora", "xlora"), "lora"),
    **dict.fromkeys(("glora", "peanut"), "low_rank"),
}
# LoRA under names of its own: what a config's field switches on.
VARIANTS: dict[str, dict[str, object]] = {"dora": {"use_dora": True}, "rslora": {"use_rslora": True}}
MOST_SUGGESTED = 3
LONGEST_COMPARED = 60


def check_name(name: str) -> str:
    """Return the method's name whatever its case, or refuse an unknown one and suggest near ones.

    >>> check_name("VeRA")
    'vera'
    >>> check_name("verra")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: method 'verra' is not known; near ones: vera, pvera; `lora-cli methods` lists all
    """
    if name.lower() in METHODS or name.lower() in VARIANTS:
        return name.lower()
    from difflib import get_close_matches

    near = get_close_matches(name.lower()[:LONGEST_COMPARED], (*METHODS, *VARIANTS), MOST_SUGGESTED, 0.7)
    listed = f"near ones: {', '.join(near)}; " if near else ""
    raise InvalidInput(f"method {quote(name)} is not known; {listed}`lora-cli methods` lists all")


def method_named(name: str) -> Method:
    """Return the method called `name`; a variant of LoRA is LoRA.

    >>> method_named("vera").peft_type, method_named("dora").peft_type
    ('VERA', 'LORA')
    """
    name = check_name(name)
    return load("lora" if name in VARIANTS else name)


def home(name: str) -> str:
    """Return the module that a method is declared in."""
    return f"lora_cli.methods.catalogue.{FOLDERS[name]}.{name}"


def load(name: str) -> Method:
    """Import a method's module, and return the method."""
    method: Method = import_module(home(name)).METHOD
    return method


def variant_fields(name: str) -> dict[str, object]:
    """Return the config fields that make a variant of LoRA; none for any other method.

    >>> variant_fields("dora"), variant_fields("vera")
    ({'use_dora': True}, {})
    """
    return VARIANTS.get(check_name(name), {})
