"""What trainers make of "all linear modules": lists of names, each found by a rule of its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lora_cli.errors import first_few
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module
from lora_cli.models.parts.layers import LANGUAGE_MODEL

# A number in a name, as of a layer.
LAYER = re.compile(r"\d+\.")
# Where the projector stands within the tower that it belongs to.
INNER_PROJECTORS = ("merger", "deepstack_merger_list")


def linear_modules(model: Model, forbidden: Collection[str] = ()) -> Iterator[Module]:
    """Yield the Linear modules whose names have none of the `forbidden` texts in them."""
    for module in model.modules:
        if module.kind == "Linear" and not any(text in module.name for text in forbidden):
            yield module


def last_names(model: Model, forbidden: Collection[str] = ()) -> list[str]:
    """Return the last parts of the names of these modules.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> last_names(read_model("llama-3.2-1b"), ["lm_head", "mlp"])
    ['k_proj', 'o_proj', 'q_proj', 'v_proj']
    """
    return sorted({module.name.rpartition(".")[2] for module in linear_modules(model, forbidden)})


def without_linear(model: Model) -> str:
    """Return in words which modules the trainers pass over, because they look for those whose class is a Linear.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> without_linear(read_model("gpt2"))
    ', since it takes only Linear modules, and c_attn, c_fc, c_proj are Conv1D'
    >>> without_linear(read_model("llama-3.2-1b"))
    ''
    """
    names = sorted({module.name.rpartition(".")[2] for module in model.modules if module.kind == "Conv1D"})
    return f", since it takes only Linear modules, and {first_few(names, str)} are Conv1D" if names else ""


def distinct_endings(model: Model, forbidden: Collection[str], part: str = "") -> list[str]:
    """Return the shortest endings of these modules' names that no other module has, within a part of the model.

    ms-swift's `find_layers`: an ending grows to the left while the name of a module of another kind ends with it too.
    """
    inside = f"{part}." if part else ""
    linear = {module.name for module in linear_modules(model, forbidden)}
    names = [name.removeprefix(inside) for name in model.module_names if name.startswith(inside)]
    others = {_pattern(name) for name in names if f"{inside}{name}" not in linear}
    endings = set()
    for name in names:
        if f"{inside}{name}" not in linear:
            continue
        *before, ending = name.split(".")
        while before and any(other.endswith(_pattern(ending)) for other in others):
            ending = f"{before.pop()}.{ending}"
        endings.add(ending)
    return sorted(endings)


def parts_of_model(model: Model) -> tuple[list[str], list[str], list[str]]:
    """Return the names of a model's language model, of its towers, and of the projectors between these."""
    language = [name for name, what in model.parts.items() if what == LANGUAGE_MODEL]
    projectors = [name for name, what in model.parts.items() if what.endswith("projector")]
    towers = [name for name, what in model.parts.items() if name not in {*language, *projectors}]
    inner = [f"{tower}.{name}" for tower in towers for name in INNER_PROJECTORS]
    return language, towers, [*projectors, *(name for name in inner if name in set(model.module_names))]


def _pattern(name: str) -> str:
    return LAYER.sub("{}.", name)
