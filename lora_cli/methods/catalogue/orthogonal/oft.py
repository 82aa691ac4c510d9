"""OFT: rotates the inputs, block by block, by trained orthogonal matrices.

Qiu et al., "Controlling Text-to-Image Diffusion by Orthogonal Finetuning", arXiv:2306.07280;
`peft.tuners.oft.layer.OFTLayer`: `update_layer`, `adjust_oft_parameters`.
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
from lora_cli.methods.parts.divisors import divisors, nearest_divisors, rotated_width
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """OFT's own fields."""

    r: Annotated[int, "Number of blocks; 0 where oft_block_size is given"] = size(0, least=0)
    oft_block_size: Annotated[int, "Size of a block; 0 where r is given"] = size(32, least=0)
    module_dropout: Annotated[float, "Probability that a block is left out of a training step"] = real(0.0)
    fan_in_fan_out: bool = flag(False)
    init_weights: bool = flag(True)
    coft: Annotated[bool, "Whether the rotation is bounded (COFT)"] = flag(False)
    eps: Annotated[float, "Bound of the rotation, with coft"] = real(6e-5)
    block_share: Annotated[bool, "Whether all blocks of a module are one"] = flag(False)
    use_cayley_neumann: Annotated[bool, "Whether the rotation is computed by a series, faster and less exactly"] = flag(
        True
    )
    num_cayley_neumann_terms: Annotated[int, "Number of terms of the series, with use_cayley_neumann"] = size(
        5, least=0
    )

    def __post_init__(self) -> None:
        """Refuse both or neither of the two ways to give the size of blocks."""
        if bool(self.r) == bool(self.oft_block_size):
            raise InvalidInput(
                f"r is {self.r} and oft_block_size is {self.oft_block_size}; one of them must be 0 and the other not, "
                "because r blocks of oft_block_size make up the inputs"
            )


def blocks(place: Place, own: Settings) -> tuple[int, int]:
    """Return the number of blocks that the inputs are cut into, and their size.

    PEFT uses the nearest number or size that divides the inputs.
    """
    width = rotated_width(place.module)
    nearest = nearest_divisors(own.r or own.oft_block_size, width)[0]
    return (nearest, width // nearest) if own.r else (width // nearest, nearest)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the values above the diagonal of each block's skew-symmetric matrix: b·(b − 1)/2 per block of size b.

    >>> from lora_cli.models import matrix
    >>> own = Settings(r=0, oft_block_size=3, block_share=False)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('oft_R.weight', (2, 3))]
    """
    number, block = blocks(place, own)
    key = "oft_embedding_R.weight" if place.module.kind == "Embedding" else "oft_R.weight"
    yield parameter(key, 1 if own.block_share else number, block * (block - 1) // 2)


def warnings(places: Sequence[Place], own: Settings) -> Iterator[str]:
    """Warn where PEFT uses another number or size of blocks than the config asks for."""
    name, wanted = ("r", own.r) if own.r else ("oft_block_size", own.oft_block_size)
    moved = [place for place in places if rotated_width(place.module) % wanted]
    if moved:
        width = rotated_width(moved[0].module)
        more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
        yield (
            f"{name} {wanted} does not divide the {width} inputs of {quote_long(moved[0].module.name)}{more}; "
            f"PEFT uses {nearest_divisors(wanted, width)[0]} there, the nearest number that does"
        )


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the block sizes that divide the inputs of every place; a block of one input has nothing to train."""
    return (divisors(*(rotated_width(place.module) for place in places))[1:],)


METHOD = Method(
    name="oft",
    title="OFT: Orthogonal Finetuning",
    arxiv="2306.07280",
    formula="d * (oft_block_size - 1) / 2",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob="oft_block_size",
    module_kinds=("Linear", "Embedding", "Conv2d"),
    quantised_layers=WITH_BACKEND,
    shared_fields=TARGETING | {"bias"},
    layer_rules=frozenset({PATTERN_ALONE}),
    warnings=warnings,
    knob_values=sizes,
)
