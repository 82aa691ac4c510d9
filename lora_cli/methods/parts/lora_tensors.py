"""LoRA on the places of a model, with the variants that its config asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import Runs, multiples
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.parts.lora_start import check_variants, started, starts_even
from lora_cli.methods.parts.lora_variants import diagonal, more_tensors
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.name_matching import ranker
from lora_cli.methods.tensor import Tensor, buffer


def place_tensors(place: Place, config: AdapterConfig) -> tuple[Tensor, ...]:
    """Return what PEFT puts beside one adapted place of a model, named and shaped as in its file.

    `peft.tuners.lora.layer`: Linear, Embedding (r·(rows + width)), Conv1d and Conv2d (A with the kernel,
    B by groups), ParamWrapper (r per expert); `use_dora` adds a magnitude per output, `lora_bias` a bias,
    MiCA freezes B, and `use_bdlora` thins A or B.
    """
    check_variants(place, config)
    module, r = started(place, config)
    pointwise = (1,) * len(module.kernel)
    shapes: dict[str, tuple[int, ...]] = {"lora_A.weight": (r, module.d), "lora_B.weight": (module.h, r)}
    if module.kind == "Embedding":
        shapes = {"lora_embedding_A": (r, module.d), "lora_embedding_B": (module.h, r)}
    elif module.kernel:
        if r % module.groups:
            raise InvalidInput(f"rank {r} is not divisible by the {module.groups} groups of {quote(module.name)}")
        shapes = {
            "lora_A.weight": (r, module.d, *module.kernel),
            "lora_B.weight": (module.h, r // module.groups, *pointwise),
        }
    if config.lora_bias:
        if module.kind == "Embedding":
            raise InvalidInput(f"lora_bias does not go with an embedding such as {quote(module.name)}; leave one out")
        shapes["lora_B.bias"] = (module.h,)
    blocked = diagonal(place, config)
    shapes |= blocked
    if "lora_B.weight" in blocked:
        shapes.pop("lora_B.bias", None)
    if config.use_dora:
        shapes["lora_magnitude_vector"] = (1, module.h, *pointwise) if pointwise else (module.h,)
    # The direction onto which VeLoRA projects each group of inputs.
    velora = (
        ()
        if config.velora_groups is None
        else (buffer("lora_velora_embed", -(-place.module.d // config.velora_groups)),)
    )
    frozen = ("lora_B.weight", "lora_embedding_B") if config.init_lora_weights == "mica" else ()
    factors = (Tensor(key, shape, key, shape, key not in frozen) for key, shape in shapes.items())
    return (*factors, *velora, *more_tensors(place, config))


def sizes(places: Sequence[Place], config: AdapterConfig) -> Runs:
    """Return the ranks that convolutions' groups, block-diagonal factors and the start divide."""
    rank = ranker(replace(config, r=0))
    free = [place for place in places if not rank(place.module.name)]
    steps = [place.module.groups for place in free]
    if config.use_bdlora:
        blocks = config.use_bdlora.number
        steps += [blocks for place in free if diagonal(place._replace(r=blocks), config)]
    # The rank of fused experts is all of theirs together.
    steps += [2 // gcd(2, place.experts) for place in free if starts_even(place, config)]
    return multiples(places, *steps)


METHOD = Method(
    name="lora",
    title="LoRA: Low-Rank Adaptation of Large Language Models",
    arxiv="2106.09685",
    formula="r * (d + h)",
    tensors=place_tensors,
    alpha="lora_alpha",
    module_kinds=(*LINEARS, "Embedding", "Conv1d", "Conv2d"),
    knob_values=sizes,
    # Blocks are where names say.
    same_for_same_shape=lambda config: not config.use_bdlora,
)
