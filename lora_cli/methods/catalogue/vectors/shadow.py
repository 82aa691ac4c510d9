"""ShadowPEFT: a small copy of the decoder runs beside its blocks and corrects the input of each.

Li et al., "ShadowPEFT: Shadow Network for Parameter-Efficient Fine-Tuning", arXiv:2604.19254, equations 2 to 7;
`peft.tuners.shadow`: `ShadowLayer.update_layer`, `ShadowModel._build_shadow_backbone`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import TARGETING, AdapterConfig
from lora_cli.methods.config.settings import Written, flag, ignored, real, size, text
from lora_cli.methods.method import Adapted, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import OF_ADAPTER, OF_BASE, OWN, Tensor, buffer, parameter
from lora_cli.models.config import Config
from lora_cli.models.facts import read_facts
from lora_cli.models.model import Model, read_config
from lora_cli.models.nodes import Buffer, Parameter
from lora_cli.models.registry import find_family

# Where PEFT looks for the list of a decoder's blocks: `_get_backbone`, `_get_decoder_layers`.
BLOCKS = ("model.decoder.layers.", "model.layers.", "transformer.h.", "gpt_neox.layers.", "decoder.layers.")
BARE_BLOCKS = ("layers.", "h.")
ENCODERS = ("encoder.", "model.encoder.")
HEADS = ("score.", "classifier.")
RESHAPED = ("shadow_hidden_size", "shadow_num_attention_heads", "shadow_intermediate_size")


@dataclass(frozen=True, slots=True)
class Settings:
    """ShadowPEFT's own fields."""

    shadow_alpha: Annotated[float, "Factor on the correction"] = real(0.1)
    shadow_dropout: Annotated[float, "Probability of dropout before the correction"] = real(0.2, least=0, most=1)
    init_weights: bool = flag(True)
    shadow_model: Annotated[str, "What the shadow is: mirror is a small copy of the model"] = text("mirror")
    shadow_num_hidden_layers: Annotated[int | None, "Number of layers of the shadow; null for 1"] = size(None, least=0)
    shadow_hidden_size: Annotated[int | None, "Width of the shadow; null for the model's"] = size(None)
    shadow_num_attention_heads: Annotated[int | None, "Attention heads of the shadow; null for the model's"] = size(
        None
    )
    shadow_intermediate_size: Annotated[
        int | None, "Width of the shadow's feed-forward layers; null for the model's"
    ] = size(None)
    share_embeddings: Annotated[bool, "Whether the shadow uses the model's frozen embeddings"] = flag(True)
    update_hidden_size: Annotated[
        int | None, "Width of the two networks that update the shadow's state; null for r"
    ] = size(None, least=0)
    auxiliary_loss_weight: Annotated[object, "Weight of the shadow's own loss; 0 for none", Written("number", 0.05)] = (
        ignored()
    )
    shadow: tuple[Parameter | Buffer, ...] = ()
    # Of the states between the blocks.
    width: int = 0

    def __post_init__(self) -> None:
        """Refuse a shadow that is another model."""
        if self.shadow_model != "mirror":
            raise InvalidInput(
                f"shadow_model is {quote(self.shadow_model)}, a trained model that PEFT loads and whose size no field tells; "
                'only "mirror" can be counted'
            )


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield one block's correction of rank r, and the two networks that update the shadow's state.

    W_down and W_up hold 2·r·d, each network of u hidden units 2·u·d + u + d.

    >>> from lora_cli.models.nodes import Module
    >>> own = Settings(width=16)
    >>> sum(t.params for t in tensors(Place(Module("layers.0", 16, 16, "Other"), 2), own))
    228
    """
    d, r = own.width, place.r
    u = own.update_hidden_size or r
    # PEFT moves these to the type of the module's own weight, if it has one.
    kind = OF_ADAPTER if any(p.name == f"{place.module.name}.weight" for p in place.whole) else OWN
    yield parameter("shadow_down.default.weight", r, d, type_of=kind)
    yield parameter("shadow_up.default.weight", d, r, type_of=kind)
    for network in ("transform", "gate"):
        yield parameter(f"shadow_update_{network}.default.0.weight", u, d, type_of=kind)
        yield parameter(f"shadow_update_{network}.default.0.bias", u, type_of=kind)
        yield parameter(f"shadow_update_{network}.default.2.weight", d, u, type_of=kind)
        yield parameter(f"shadow_update_{network}.default.2.bias", d, type_of=kind)


def shared(_: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield the shadow: the body of the model with only its first blocks, and a copy of a classifier's head."""
    for copied in own.shadow:
        if isinstance(copied, Buffer):
            yield buffer(copied.name, *copied.shape, dtype=copied.dtype or "F32", type_of=OF_BASE)
        else:
            yield parameter(copied.name, *copied.shape, type_of=OF_BASE)


def blocks(model: Model) -> str | None:
    """Return the prefix of the names of a decoder's blocks, or None where there are none."""
    names = [node.name for node in model.nodes]
    if any(name.startswith(ENCODERS) for name in names):
        return None
    prefixes = (prefix for prefix in (*BLOCKS, *BARE_BLOCKS) if any(name.startswith(f"{prefix}0.") for name in names))
    return next(prefixes, None)


def default_targets(model: Model) -> tuple[str, ...] | None:
    """Return the names of all blocks."""
    prefix = blocks(model)
    return None if prefix is None else tuple(f"{prefix}{number}" for number in range(depth(model, prefix)))


def depth(model: Model, prefix: str) -> int:
    """Return the number of blocks."""
    return len(
        {node.name.removeprefix(prefix).partition(".")[0] for node in model.nodes if node.name.startswith(prefix)}
    )


def with_shadow(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add the shadow's parameters, and the width of the model's states."""
    model = targets.model
    prefix = blocks(model)
    if prefix is None:
        raise InvalidInput(
            f"method shadow is only counted for decoders, whose blocks are called layers or h; {quote(model.name)} has none"
        )
    count = _layers(model, own, prefix)
    mirror = _mirror(model, own, count, depth(model, prefix))
    body = prefix.rpartition("layers." if prefix.endswith("layers.") else "h.")[0]
    values: list[Parameter | Buffer] = [*mirror.all_parameters()]
    values += (node for node in mirror.nodes if isinstance(node, Buffer))
    kept = [value for value in values if value.name.startswith(body) and _is_kept(value.name, prefix, count)]
    if body == "":
        kept = [p for p in kept if not p.name.startswith(("lm_head.", *HEADS))]
    hidden = None if model.facts is None else model.facts.hidden
    width = own.shadow_hidden_size or hidden
    if own.share_embeddings and width == hidden:
        kept = [p for p in kept if p.name != f"{body}embed_tokens.weight"]
    shadow = [value._replace(name=f"shadow_backbone.default.{value.name.removeprefix(body)}") for value in kept]
    if width is not None and hidden is not None and width != hidden:
        shadow.append(Parameter("shadow_projection.default.weight", (hidden, width)))
    if config.task_type == "SEQ_CLS":
        head = next((head for head in HEADS if any(p.name.startswith(head) for p in model.all_parameters())), None)
        shadow += [
            Parameter(f"shadow_head.default.{p.name.removeprefix(head)}", p.shape)
            for p in model.all_parameters()
            if head and p.name.startswith(head)
        ]
    return replace(own, shadow=tuple(shadow), width=_width(model, body))


def _layers(model: Model, own: Settings, prefix: str) -> int:
    """Return the number of layers in the shadow, which PEFT sets in the config if it can."""
    family = find_family(model.model_type)
    by = "field" if family is None else family.layers_from
    if by == "property":
        raise InvalidInput(
            f"PEFT cannot make a shadow of {quote(model.model_type)}, whose config class derives the kinds of its layers; "
            "choose another method"
        )
    if by == "shared":
        raise InvalidInput(
            f"a shadow of {quote(model.model_type)}, whose layers share weights, is not counted; choose another method"
        )
    if by == "list":
        return depth(model, prefix)
    return own.shadow_num_hidden_layers or 1


def _mirror(model: Model, own: Settings, count: int, there: int) -> Model:
    """Return the model of which the shadow is the body: the same one, or one that its config.json makes with other sizes.

    PEFT changes the config after its class has filled in what follows from other fields.
    """
    sizes = {name: getattr(own, name) for name in RESHAPED if getattr(own, name) is not None}
    if count > there:
        sizes["shadow_num_hidden_layers"] = count
    if not sizes:
        return model
    first, config = next(iter(sizes)), model.config
    family = find_family(model.model_type)
    if config is None or family is None:
        raise InvalidInput(
            f"{first} is {quote(sizes[first])}, and what it makes of {quote(model.name)} is not known; leave it out"
        )
    if family.feed_forward is None and own.shadow_intermediate_size is not None:
        raise InvalidInput(
            f"shadow_intermediate_size is {own.shadow_intermediate_size}, and PEFT finds no such size in the config of "
            f"{quote(model.model_type)}; leave it out"
        )
    facts, names = read_facts(config), family.sizes
    fields = dict(config.fields) | {name: value(config) for name, value in family.filled.items()}
    changes = (
        (names.groups_names, facts.groups),
        (names.head_width_names, facts.width),
        (names.hidden_names, own.shadow_hidden_size),
        (names.heads_names, own.shadow_num_attention_heads),
        ((family.feed_forward,), own.shadow_intermediate_size),
        (names.layers_names, count),
    )
    fields |= {str(name): size for group, size in changes if size is not None for name in group}
    kinds = fields.get("layer_types")
    if isinstance(kinds, list) and kinds:
        fields["layer_types"] = [*kinds, *kinds[-1:] * count][:count]
    return read_config(Config(fields, config.source), model.name)


def _is_kept(name: str, prefix: str, count: int) -> bool:
    return not name.startswith(prefix) or int(name.removeprefix(prefix).partition(".")[0]) < count


def _width(model: Model, body: str) -> int:
    """Return the width of the states between the blocks: that of the last norm, or of the projected embeddings."""
    last = [p for p in model.all_parameters() if p.name.startswith(body) and p.name.count(".") == body.count(".") + 1]
    norms = [p.shape[0] for p in last if len(p.shape) == 1]
    projected = [m.h for m in model.modules if m.name == f"{body}project_in"]
    embedded = [m.h for m in model.modules if m.name == model.embeddings]
    return next(iter((*norms, *projected, *embedded)))


METHOD = Method(
    name="shadow",
    title="ShadowPEFT: Shadow Network",
    arxiv="2604.19254",
    formula="2 * r * d + 2 * (2 * r * d + r + d) a block of width d, beside the shadow",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    alpha="shadow_alpha",
    module_kinds=(),
    shared_fields=TARGETING,
    default_targets=default_targets,
    resolved=with_shadow,
    # It is not declared what PEFT copies and saves of the shadow itself beside full copies.
    saves_extras=False,
)
