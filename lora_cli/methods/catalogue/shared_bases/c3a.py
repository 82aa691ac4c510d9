"""C3A: the update consists of circulant blocks, each given by its first row.

Chen et al., "Parameter-Efficient Fine-Tuning via Circular Convolution", arXiv:2407.19342;
`peft.tuners.c3a`: `C3ALayer.update_layer`, `C3AModel._create_and_replace`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, TARGETING
from lora_cli.methods.config.settings import setting, size
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import Method
from lora_cli.methods.parts.divisors import check_divides, divisors
from lora_cli.methods.parts.random_bases import size_of, sizes_by_pattern
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.config import Config

STARTS = (True, False, "gaussian", "kaiming_uniform", "xavier_uniform")


def start(config: Config, name: str) -> bool | str:
    """Return how the kernels are initialised."""
    value = config.fields.get(name, "xavier_uniform")
    for choice in STARTS:
        if type(value) is type(choice) and value == choice:
            return choice
    raise InvalidInput(
        f"{config.source}: {name} is {quote(value)}; choose from: true, false, {', '.join(map(str, STARTS[2:]))}"
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """C3A's own fields."""

    block_size: Annotated[int, "Size of a block; it divides inputs and outputs"] = size(256)
    block_size_pattern: Annotated[
        Mapping[str, int], "Other values of block_size, by module name or regular expression"
    ] = sizes_by_pattern()
    init_weights: Annotated[
        bool | str, "What the blocks start from: xavier_uniform, another distribution, or true for zeros"
    ] = setting(start, "xavier_uniform", known=STARTS)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a row of block_size b for each of the h/b · d/b blocks: d·h / b parameters.

    >>> from lora_cli.models import matrix
    >>> own = Settings(block_size=2, )
    >>> [(t.key, t.shape, t.params) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('c3a_kernel', (4, 3, 2), 24)]
    """
    b = size_of(place, own.block_size_pattern, own.block_size)
    check_divides("block_size", b, place.module)
    yield parameter("c3a_kernel", place.module.h // b, place.module.d // b, b)


def block_sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return what divides both sides of every place that no pattern decides for, largest blocks (fewest values) first."""
    free = [place.module for place in places if not size_of(place, own.block_size_pattern, 0)]
    return (divisors(*(side for module in free for side in (module.d, module.h)))[::-1],) if free else ((1,),)


METHOD = Method(
    name="c3a",
    title="C3A: Parameter-Efficient Fine-Tuning via Circular Convolution",
    arxiv="2407.19342",
    formula="d * h / block_size",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob="block_size",
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    default_targets={"gpt2": ("mlp.c_proj",), "gpt_bigcode": ("mlp.c_proj",)},
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT}),
    knob_values=block_sizes,
)
