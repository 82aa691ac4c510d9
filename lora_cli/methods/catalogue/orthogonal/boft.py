"""BOFT: rotates the inputs by orthogonal blocks, as OFT does, and scales each output.

Liu et al., "Parameter-Efficient Orthogonal Finetuning via Butterfly Factorization", arXiv:2311.06243;
`peft.tuners.boft.layer`: `Linear.update_layer`, `Conv2d.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING
from lora_cli.methods.config.settings import flag, real, size
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import WITH_BACKEND, Method
from lora_cli.methods.parts.divisors import check_divides, divisors, rotated_width
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.config import MAX_SIZE


@dataclass(frozen=True, slots=True)
class Settings:
    """BOFT's own fields."""

    boft_block_size: Annotated[int, "Size of a block; 0 where boft_block_num is given"] = size(4, least=0)
    boft_block_num: Annotated[int, "Number of blocks; 0 where boft_block_size is given"] = size(0, least=0)
    boft_n_butterfly_factor: Annotated[int, "Number of butterfly factors"] = size(1, least=-MAX_SIZE)
    boft_dropout: Annotated[float, "Probability that a block is left out of a training step"] = real(0.0)
    fan_in_fan_out: bool = flag(False)
    init_weights: bool = flag(True)

    def __post_init__(self) -> None:
        """Refuse both or neither of the two ways to give the size of blocks."""
        if bool(self.boft_block_size) == bool(self.boft_block_num):
            raise InvalidInput(
                f"boft_block_size is {self.boft_block_size} and boft_block_num is {self.boft_block_num}; one of them must "
                "be 0 and the other not, because boft_block_num blocks of boft_block_size make up the inputs"
            )


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a full b × b matrix per block, made skew-symmetric only when it is used, and a scale per output: d·b + h.

    The paper stacks `boft_n_butterfly_factor` of these; PEFT uses 1 unless its CUDA extension compiles.

    >>> from lora_cli.models import matrix
    >>> own = Settings(boft_block_size=2, boft_block_num=0)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('boft_R', (1, 3, 2, 2)), ('boft_s', (8, 1))]
    """
    module, width = place.module, rotated_width(place.module)
    if module.groups > 1:
        raise InvalidInput(
            f"{quote_long(module.name)} is a convolution with {module.groups} groups, which boft cannot adapt; leave it out"
        )
    name = "boft_block_size" if own.boft_block_size else "boft_block_num"
    divisor = own.boft_block_size or own.boft_block_num
    check_divides(name, divisor, module, {"width": width})
    block = own.boft_block_size or width // divisor
    yield parameter("boft_R", 1, width // block, block, block)
    yield parameter("boft_s", *((1, module.h) if module.kernel else (module.h, 1)))


def warnings(places: Sequence[Place], own: Settings) -> Iterator[str]:
    """Warn that butterfly factors beyond the first depend on the machine."""
    if own.boft_n_butterfly_factor > 1:
        blocks = sum(next(tensors(place, own)).params for place in places)
        yield (
            f"boft_n_butterfly_factor {own.boft_n_butterfly_factor} is counted as 1, which PEFT uses where its CUDA "
            f"extension does not compile; where it does, {(own.boft_n_butterfly_factor - 1) * blocks:,} more are trained"
        )


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the block sizes that divide the inputs of every place."""
    return (divisors(*(rotated_width(place.module) for place in places)),)


METHOD = Method(
    name="boft",
    title="BOFT: Orthogonal Butterfly Finetuning",
    arxiv="2311.06243",
    formula="d * boft_block_size + h",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob="boft_block_size",
    module_kinds=("Linear", "Conv2d"),
    quantised_layers=WITH_BACKEND,
    shared_fields=TARGETING | {"bias"},
    layer_rules=frozenset({PATTERN_ALONE}),
    warnings=warnings,
    knob_values=sizes,
)
