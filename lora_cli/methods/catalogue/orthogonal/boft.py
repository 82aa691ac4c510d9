"""BOFT: the inputs are turned by orthogonal blocks as in OFT, and each output is scaled.

Liu et al., "Parameter-Efficient Orthogonal Finetuning via Butterfly Factorization", arXiv:2311.06243;
`peft.tuners.boft.layer`: `Linear.update_layer`, `Conv2d.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import PATTERN_ALONE, TARGETING, Method, Settings, flag, real, size
from lora_cli.methods.parts.divisors import divisors, nearest_divisors, rotated_width
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a whole b × b matrix a block, skew-symmetric only in its use, and one scale an output: d·b + h.

    The paper stacks `boft_n_butterfly_factor` of these; PEFT takes 1 unless its CUDA extension compiles.

    >>> from lora_cli.models import matrix
    >>> own = Settings({"boft_block_size": 2, "boft_block_num": 0})
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), own)]
    [('boft_R', (1, 3, 2, 2)), ('boft_s', (8, 1))]
    """
    module, width = place.module, rotated_width(place.module)
    if module.groups > 1:
        raise InvalidInput(
            f"PEFT adapts no convolution of {module.groups} groups by boft, as {quote_long(module.name)} is; leave it out"
        )
    name = "boft_block_size" if own.boft_block_size else "boft_block_num"
    divisor = own.boft_block_size or own.boft_block_num
    if width % divisor:
        near = " or ".join(map(str, sorted(nearest_divisors(width, divisor))))
        raise InvalidInput(
            f"{name} {divisor} does not divide the {width} inputs of {quote_long(module.name)}; take {near} there"
        )
    block = own.boft_block_size or width // divisor
    yield parameter("boft_R", 1, width // block, block, block)
    yield parameter("boft_s", *((1, module.h) if module.kernel else (module.h, 1)))


def check(own: Settings) -> None:
    """Refuse both or neither of the two ways to say how large blocks are."""
    if bool(own.boft_block_size) == bool(own.boft_block_num):
        raise InvalidInput(
            f"boft_block_size is {own.boft_block_size} and boft_block_num is {own.boft_block_num}; one of them must be "
            "0 and the other not, as boft_block_num blocks of boft_block_size make up the inputs"
        )


def warnings(places: Sequence[Place], own: Settings) -> Iterator[str]:
    """Say that butterfly factors beyond the first depend on the machine."""
    if own.boft_n_butterfly_factor > 1:
        blocks = sum(next(tensors(place, own)).params for place in places)
        yield (
            f"boft_n_butterfly_factor {own.boft_n_butterfly_factor} is counted as 1, which PEFT takes where its CUDA "
            f"extension does not compile; where it does, {(own.boft_n_butterfly_factor - 1) * blocks:,} more are trained"
        )


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the blocks that divide all inputs."""
    return (divisors(*(rotated_width(place.module) for place in places)),)


METHOD = Method(
    name="boft",
    title="BOFT: Orthogonal Butterfly Finetuning",
    arxiv="2311.06243",
    formula="d * boft_block_size + h",
    tensors=tensors,
    fields={
        "boft_block_size": size(4, least=0),
        "boft_block_num": size(0, least=0),
        "boft_n_butterfly_factor": size(1),
        "boft_dropout": real(0.0),
        "fan_in_fan_out": flag(False),
        "init_weights": flag(True),
    },
    rank=None,
    knob="boft_block_size",
    module_kinds=("Linear", "Conv2d"),
    shared_fields=TARGETING | {"bias"},
    check_settings=check,
    layer_rules=frozenset({PATTERN_ALONE}),
    warnings=warnings,
    knob_values=sizes,
)
