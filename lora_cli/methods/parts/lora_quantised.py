"""What PEFT's LoRA makes of its options on a layer that a quantisation has put in place of a Linear.

`peft.tuners.lora`: the layers of `gptq`, `awq`, `aqlm`, `eetq`, `hqq`, `bnb` and `torchao`, each with its own
`__init__` and `resolve_lora_variant`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.methods.parts.lora_start import start_name
from lora_cli.methods.place import Place
from lora_cli.models.quantised_layers import LAYERS

# The fields that choose a variant, with its name.
VARIANTS = {
    "use_dora": "DoRA",
    "velora_config": "VeLoRA",
    "alora_invocation_tokens": "aLoRA",
    "use_bdlora": "BD-LoRA",
    "kasa_config": "KaSA",
    "monteclora_config": "Monte Carlo LoRA",
}
OPTIONS = {**VARIANTS, "lora_bias": "bias of B"}
# What decomposes the weight to start A and B, and fails without one in float32 or half precision.
STARTS = {"pissa": "PiSSA", "corda": "CorDA", "olora": "OLoRA", "mica": "MiCA", "orthogonal": "orthogonal start"}
QALORA = "gptq"


class Layer(NamedTuple):
    """A layer of PEFT's: the options that it refuses, those that it does not look at, and the starts that it refuses."""

    refused: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    starts: tuple[str, ...] = tuple(STARTS)


# Of a layer without any variant, PEFT refuses each of them.
WITHOUT_VARIANTS = Layer(refused=tuple(VARIANTS))
UNSEEN = ("use_bdlora", "kasa_config", "monteclora_config")
PEFT_LAYERS: Mapping[str, Layer] = {
    "gptq": Layer(refused=("use_dora", "velora_config"), unused=("alora_invocation_tokens", *UNSEEN)),
    "awq": WITHOUT_VARIANTS,
    "aqlm": WITHOUT_VARIANTS,
    "eetq": WITHOUT_VARIANTS,
    "hqq": Layer(refused=("velora_config", "lora_bias"), unused=("alora_invocation_tokens", *UNSEEN)),
    # OLoRA turns the weight back first.
    "bitsandbytes": Layer(refused=("velora_config",), unused=UNSEEN, starts=("pissa", "corda", "mica", "orthogonal")),
    "torchao": Layer(refused=("lora_bias",), starts=()),
}


def settings_on(place: Place, own: LoraSettings) -> LoraSettings:
    """Return the settings without those that PEFT's layer does not look at, or refuse what it refuses."""
    layer = PEFT_LAYERS.get(place.quantised)
    if layer is None:
        return own
    refused = {name: OPTIONS[name] for name in layer.refused if getattr(own, name)}
    start = start_name(own.init_lora_weights)
    if start in layer.starts:
        refused[f"init_lora_weights {start}"] = STARTS[start]
    for name, title in refused.items():
        raise InvalidInput(
            f"{name} cannot adapt {quote_long(place.module.name)}: PEFT's LoRA layer for {LAYERS[place.quantised].title} "
            f"has no {title}; drop {name}, or take the model before quantisation"
        )
    defaults = LoraSettings()
    return replace(own, **{name: getattr(defaults, name) for name in layer.unused})


def pooled_inputs(place: Place, d: int, own: LoraSettings) -> int:
    """Return the inputs of A: d, or a value for each group of a GPTQ layer's, which QA-LoRA pools (`QALoraLinearVariant`).

    >>> from lora_cli.models import matrix
    >>> place, own = Place(matrix(64, 8), 2), LoraSettings(use_qalora=True, qalora_group_size=16)
    >>> pooled_inputs(place, 64, own), pooled_inputs(place._replace(quantised="gptq"), 64, own)
    (64, 4)
    """
    group = own.qalora_group_size
    if not own.use_qalora or place.quantised != QALORA:
        return d
    if d % group:
        raise InvalidInput(
            f"qalora_group_size {group} does not divide the {d} inputs of {quote_long(place.module.name)}; "
            "give a divisor of it"
        )
    return d // group


def quantised_notes(own: LoraSettings) -> Iterator[str]:
    """Yield what an option does not do on the layers of the base."""
    if own.use_qalora and QALORA not in own.base_layers:
        yield "use_qalora changes only the adapters of GPTQ layers; these are counted as on plain layers"
    for quantisation in sorted(own.base_layers & PEFT_LAYERS.keys()):
        unused = [name for name in PEFT_LAYERS[quantisation].unused if getattr(own, name)]
        if unused:
            yield (
                f"{' and '.join(unused)} {'changes' if len(unused) == 1 else 'change'} nothing on layers of "
                f"{LAYERS[quantisation].title} in PEFT, whose adapters are counted as plain LoRA"
            )
