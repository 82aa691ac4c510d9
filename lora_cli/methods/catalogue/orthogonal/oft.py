"""OFT: the inputs are turned, block by block, by orthogonal matrices that are trained.

Qiu et al., "Controlling Text-to-Image Diffusion by Orthogonal Finetuning", arXiv:2306.07280;
`peft.tuners.oft.layer.OFTLayer`: `update_layer`, `adjust_oft_parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import PATTERN_ALONE, TARGETING, Method, Settings, flag, real, size
from lora_cli.methods.parts.divisors import divisors, nearest_divisors, rotated_width
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def blocks(place: Place, own: Settings) -> tuple[int, int]:
    """Return how many blocks the inputs are cut into, and their size.

    Where the number or the size does not divide the inputs, PEFT takes the nearest that does.
    """
    width = rotated_width(place.module)
    nearest = nearest_divisors(width, own.r or own.oft_block_size)[0]
    return (nearest, width // nearest) if own.r else (width // nearest, nearest)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield what lies above the diagonal of each block's skew-symmetric matrix: b·(b − 1)/2 values a block of b.

    >>> from lora_cli.models import matrix
    >>> own = Settings({"r": 0, "oft_block_size": 3, "block_share": False})
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('oft_R.weight', (2, 3))]
    """
    number, block = blocks(place, own)
    key = "oft_embedding_R.weight" if place.module.kind == "Embedding" else "oft_R.weight"
    yield parameter(key, 1 if own.block_share else number, block * (block - 1) // 2)


def check(own: Settings) -> None:
    """Refuse both or neither of the two ways to say how large blocks are."""
    if bool(own.r) == bool(own.oft_block_size):
        raise InvalidInput(
            f"r is {own.r} and oft_block_size is {own.oft_block_size}; one of them must be 0 and the other not, "
            "as r blocks of oft_block_size make up the inputs"
        )


def warnings(places: Sequence[Place], own: Settings) -> Iterator[str]:
    """Say where PEFT takes another number or size of blocks than is asked for."""
    name, wanted = ("r", own.r) if own.r else ("oft_block_size", own.oft_block_size)
    moved = [place for place in places if rotated_width(place.module) % wanted]
    if moved:
        width = rotated_width(moved[0].module)
        more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
        yield (
            f"{name} {wanted} does not divide the {width} inputs of {quote_long(moved[0].module.name)}{more}; "
            f"PEFT takes the nearest that does, {nearest_divisors(width, wanted)[0]} there"
        )


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the blocks that divide all inputs, which PEFT takes as they are; a block of one input has no angle."""
    return (divisors(*(rotated_width(place.module) for place in places))[1:],)


METHOD = Method(
    name="oft",
    title="OFT: Orthogonal Finetuning",
    arxiv="2306.07280",
    formula="d * (oft_block_size - 1) / 2",
    tensors=tensors,
    fields={
        "r": size(0, least=0),
        "oft_block_size": size(32, least=0),
        "module_dropout": real(0.0),
        "fan_in_fan_out": flag(False),
        "init_weights": flag(True),
        "coft": flag(False),
        "eps": real(6e-5),
        "block_share": flag(False),
        "use_cayley_neumann": flag(True),
        "num_cayley_neumann_terms": size(5, least=0),
    },
    rank=None,
    knob="oft_block_size",
    module_kinds=("Linear", "Embedding", "Conv2d"),
    shared_fields=TARGETING | {"bias"},
    check_settings=check,
    layer_rules=frozenset({PATTERN_ALONE}),
    warnings=warnings,
    knob_values=sizes,
)
