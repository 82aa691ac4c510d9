"""LoKr: the update is the Kronecker product of two smaller matrices, the larger one of low rank.

Yeh et al., "Navigating Text-To-Image Customization: From LyCORIS Fine-Tuning to Model Evaluation", arXiv:2309.14859;
`peft.tuners.lokr.layer`: `LoKrLayer.update_layer`, `create_adapter_parameters`, `factorization`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING
from lora_cli.methods.config.settings import either, flag, real, scale, size, text
from lora_cli.methods.knob import Runs, most_rank, runs_between
from lora_cli.methods.method import Method, always
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.config import MAX_SIZE

# Splits sides as evenly as possible.
AUTOMATIC = -1


@dataclass(frozen=True, slots=True)
class Settings:
    """LoKr's own fields."""

    alpha: Annotated[float | InvalidInput, "The update is scaled by alpha / r"] = scale(8)
    rank_dropout: float = real(0.0)
    module_dropout: float = real(0.0)
    use_effective_conv2d: Annotated[bool, "Whether kernels larger than 1 are factored, too"] = flag(False)
    decompose_both: Annotated[bool, "Whether the left factor of the Kronecker product has a low rank, too"] = flag(
        False
    )
    decompose_factor: Annotated[int, "Largest size of the left factor; -1 splits most evenly"] = size(
        AUTOMATIC, least=-MAX_SIZE
    )
    rank_dropout_scale: Annotated[bool, "Whether rank_dropout keeps the mean size of the update"] = flag(False)
    init_weights: Annotated[bool | str | None, "What the factors start from: true is PEFT's default; or lycoris"] = (
        either(flag(True), text(None), "lycoris")
    )


def factors(side: int, factor: int) -> tuple[int, int]:
    """Split a side in two factors: by `factor` if it divides the side, else as close to a square as it allows.

    >>> factors(128, -1), factors(127, -1), factors(128, 4), factors(128, 5), factors(128, 64)
    ((8, 16), (1, 127), (4, 32), (4, 32), (64, 2))
    >>> factors(0, -1), factors(0, 4)
    ((0, 1), (4, 0))
    """
    if factor > 0 and side % factor == 0:
        return factor, side // factor
    if side == 0:
        # A head for no labels; PEFT's loop ends at once.
        return 0, 1
    most = isqrt(side) if factor == AUTOMATIC else max(1, min(factor, isqrt(side)))
    small = next(number for number in range(most, 0, -1) if side % number == 0)
    return small, side // small


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the two factors of the update; each is whole, or a product of rank r if r is under half its larger side.

    The first factor is whole without `decompose_both`. The second holds a convolution's kernel.

    >>> from lora_cli.models import matrix
    >>> own = Settings(decompose_factor=-1, decompose_both=False, use_effective_conv2d=False)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(128, 64), 2), own)]
    [('lokr_w1', (8, 8)), ('lokr_w2_a', (8, 2)), ('lokr_w2_b', (2, 16))]
    """
    module, r = place.module, place.r
    d1, d2 = factors(module.d // module.groups, own.decompose_factor)
    h1, h2 = factors(module.h, own.decompose_factor)
    if own.decompose_both and 2 * r < max(h1, d1):
        yield parameter("lokr_w1_a", h1, r)
        yield parameter("lokr_w1_b", r, d1)
    else:
        yield parameter("lokr_w1", h1, d1)
    if 2 * r >= max(h2, d2):
        yield parameter("lokr_w2", h2, d2, *module.kernel)
    elif own.use_effective_conv2d and any(side != 1 for side in module.kernel):
        # A one-dimensional kernel is stored with two dimensions.
        yield parameter("lokr_t2", r, r, *(*module.kernel, 1)[:2])
        yield parameter("lokr_w2_a", r, h2)
        yield parameter("lokr_w2_b", r, d2)
    else:
        yield parameter("lokr_w2_a", h2, r)
        yield parameter("lokr_w2_b", r, d2 * prod(module.kernel))


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the ranks in runs that end where a factor becomes whole, because it may then hold less than at a lower rank."""
    bends: set[int] = set()
    for place in places:
        pairs = (
            factors(side, own.decompose_factor) for side in (place.module.d // place.module.groups, place.module.h)
        )
        bends.update(-(-max(sides) // 2) for sides in zip(*pairs, strict=True))
    return runs_between(range(1, most_rank(places) + 1), bends)


METHOD = Method(
    name="lokr",
    title="LoKr: Low-Rank Kronecker Product",
    arxiv="2309.14859",
    formula="d1 * h1 + r * (d2 + h2), d = d1 * d2 and h = h1 * h2",
    settings=Settings,
    tensors=tensors,
    alpha="alpha",
    module_kinds=("Linear", "Conv1d", "Conv2d"),
    shared_fields=TARGETING | {"alpha_pattern", "rank_pattern"},
    never_null=("alpha_pattern", "rank_pattern"),
    layer_rules=frozenset({PATTERN_ALONE}),
    knob_values=sizes,
    same_for_same_shape=always,
)
