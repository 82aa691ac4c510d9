"""LoRA: the update of a weight is the product of two thin matrices.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section 4.1;
`peft.tuners.lora.layer`: `update_layer` of each layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import gcd

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import TARGETING, AdapterConfig
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.methods.knob import Runs, multiples
from lora_cli.methods.method import LINEARS, WITH_BACKEND, Adapted, Method
from lora_cli.methods.parts.lora_quantised import pooled_inputs, quantised_notes, settings_on
from lora_cli.methods.parts.lora_start import (
    check_variants,
    fills_both,
    frozen_factors,
    initialised,
    needs_even_rank,
    preparation,
)
from lora_cli.methods.parts.lora_variants import diagonal, variant_tensors
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.name_matching import ranker
from lora_cli.methods.tensor import OF_BASE, Tensor, buffer
from lora_cli.models.nodes import MULTIHEAD, OUTPUT_PROJECTION, Module


def tensors(place: Place, own: LoraSettings) -> tuple[Tensor, ...]:
    """Return A and B, r·(d + h) parameters, and what the variants in the config add.

    An Embedding takes r·(rows + width), a convolution has its kernel in A and B by groups, and fused experts
    take r each (`ParamWrapper`). `use_dora` adds a magnitude per output, `lora_bias` a bias, MiCA freezes B, and
    `use_bdlora` thins A or B.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), LoraSettings(use_dora=True))]
    [('lora_A.weight', (2, 6)), ('lora_B.weight', (8, 2)), ('lora_magnitude_vector', (8,))]
    """
    own = settings_on(place, own)
    check_variants(place, own)
    module, r = initialised(place, own)
    pointwise = (1,) * len(module.kernel)
    shapes: dict[str, tuple[int, ...]] = {
        "lora_A.weight": (r, pooled_inputs(place, module.d, own)),
        "lora_B.weight": (module.h, r),
    }
    if module.kind == "Embedding":
        shapes = {"lora_embedding_A": (r, module.d), "lora_embedding_B": (module.h, r)}
    elif module.kernel:
        if r % module.groups:
            raise InvalidInput(f"rank {r} is not divisible by the {module.groups} groups of {quote(module.name)}")
        shapes = {
            "lora_A.weight": (r, module.d, *module.kernel),
            "lora_B.weight": (module.h, r // module.groups, *pointwise),
        }
    if own.lora_bias:
        if module.kind == "Embedding":
            raise InvalidInput(f"lora_bias cannot adapt an embedding, e.g. {quote(module.name)}; drop one of them")
        shapes["lora_B.bias"] = (module.h,)
    blocked = diagonal(place, own)
    shapes |= blocked
    if "lora_B.weight" in blocked:
        shapes.pop("lora_B.bias", None)
    if own.use_dora:
        shapes["lora_magnitude_vector"] = (1, module.h, *pointwise) if pointwise else (module.h,)
    # The direction onto which VeLoRA projects each group of inputs.
    groups = own.velora_config
    velora = () if groups is None else (buffer("lora_velora_embed", -(-place.module.d // groups.number)),)
    frozen = frozen_factors(own)
    factors = (Tensor(key, shape, key, shape, key not in frozen) for key, shape in shapes.items())
    return (*factors, *velora, *variant_tensors(place, own), *_output(place, own))


def _output(place: Place, own: LoraSettings) -> Iterator[Tensor]:
    """Yield what the Linear within torch's own attention gets, and what PEFT saves of one that is a target by itself.

    `peft.tuners.lora.layer.MultiheadAttention`.
    """
    if place.module.kind == MULTIHEAD:
        d = place.module.d
        linear = place._replace(module=Module(OUTPUT_PROJECTION, d, d))
        for tensor in tensors(linear, own):
            yield tensor._replace(key=f"base_layer.{OUTPUT_PROJECTION}.{tensor.key}")
    for saved in place.saved:
        key = f"base_layer.{saved.name.rpartition('.')[2]}"
        yield buffer(key, *saved.shape, type_of=OF_BASE)


def on_model(targets: Adapted, own: LoraSettings, config: AdapterConfig) -> LoraSettings:
    """Add the type and the quantised layers of the base, and the modules whose rank a pattern decides."""
    layers = frozenset(place.quantised for place in targets.places)
    own = replace(own, base_dtype=targets.model.dtype, base_layers=layers)
    if not config.rank_pattern:
        return own
    rank = ranker(replace(config, r=0))
    names = (place.module.name for place in targets.places)
    return replace(own, with_own_rank=frozenset(name for name in names if rank(name)))


def notes(own: LoraSettings) -> Iterator[str]:
    """Yield what PEFT must do before or after it adds A and B, and what depends on the layers of the base."""
    yield from quantised_notes(own)
    yield from preparation(own)


def sizes(places: Sequence[Place], own: LoraSettings) -> Runs:
    """Return the ranks that a convolution's groups, block-diagonal factors and the initialisation divide."""
    free = [place for place in places if place.module.name not in own.with_own_rank]
    steps = [place.module.groups for place in free]
    if own.use_bdlora:
        blocks = own.use_bdlora.number
        steps += [blocks for place in free if diagonal(place._replace(r=blocks), own)]
    # The rank of fused experts is that of all experts together.
    steps += [2 // gcd(2, place.experts) for place in free if needs_even_rank(place, own)]
    return multiples(places, *steps)


METHOD = Method(
    name="lora",
    title="LoRA: Low-Rank Adaptation of Large Language Models",
    arxiv="2106.09685",
    formula="r * (d + h)",
    settings=LoraSettings,
    tensors=tensors,
    alpha="lora_alpha",
    module_kinds=(*LINEARS, "Embedding", "Conv1d", "Conv2d", "Conv3d", MULTIHEAD),
    quantised_layers=WITH_BACKEND,
    shared_fields=TARGETING
    | {
        "alpha_pattern",
        "bias",
        "ensure_weight_tying",
        "layer_replication",
        "rank_pattern",
        "target_parameters",
        "trainable_token_indices",
    },
    rewrites_expert_targets=True,
    refuses_mamba_parts=True,
    keeps_rank_when_tied=fills_both,
    has_lora_factors=True,
    never_null=("r", "alpha_pattern", "bias", "rank_pattern"),
    resolved=on_model,
    notes=notes,
    knob_values=sizes,
    # Which factor is block-diagonal depends on a module's name.
    same_for_same_shape=lambda own: not own.use_bdlora,
)
